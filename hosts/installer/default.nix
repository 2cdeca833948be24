# A medium that installs JEX: it starts into the program that asks and does the rest (`program/`).
{
  config,
  lib,
  pkgs,
  modulesPath,
  jexHosts,
  ...
}:
let
  cfg = config.jex.installer;
  medium = import ./medium.nix {
    inherit
      config
      lib
      pkgs
      jexHosts
      ;
  };
  program = import ./program.nix { inherit pkgs medium; };
in
{
  imports = [ (modulesPath + "/profiles/base.nix") ];

  options.jex.installer = {
    tiers = lib.mkOption {
      type = lib.types.listOf (lib.types.enum (builtins.attrNames jexHosts.tiers));
      default = [ "jex-airgap" ];
      description = ''
        Kinds of JEX whose whole system and pinned models the medium carries, so that they are installed without any network;
        each adds some gigabytes. The others are downloaded and built on the disk that is installed on.
      '';
      example = [
        "jex-airgap"
        "jex-cpu"
      ];
    };
    volumeLabel = lib.mkOption {
      type = lib.types.strMatching "[A-Z0-9_]{1,16}";
      default = "JEX_INSTALLER";
      description = "Label of the medium's file system, by which the installer knows not to write to it.";
      example = "JEX_HOME";
    };
  };

  config = {
    assertions = [
      {
        assertion = builtins.elem "jex-airgap" cfg.tiers;
        message = "jex.installer.tiers leaves out \"jex-airgap\", which cannot be installed in any other way than from the medium. Add it.";
      }
    ];

    system.build.jexMedium = medium;
    environment.systemPackages = [ program ];
    # At the console it begins by itself; over SSH, and after it ended, it is a command.
    services.getty.autologinUser = lib.mkForce "root";
    programs.bash.loginShellInit = ''
      case $(tty) in
        /dev/tty1 | /dev/ttyS0) jex-install ;;
        *) echo "To install JEX: jex-install" ;;
      esac
    '';
    services.getty.helpLine = lib.mkForce "To install JEX: jex-install";

    # Who starts it by kexec has no console.
    services.openssh = {
      enable = true;
      settings = {
        PasswordAuthentication = false;
        PermitRootLogin = lib.mkForce "prohibit-password";
      };
    };
    users.users.root.openssh.authorizedKeys.keys = config.services.jex.owner.sshKeys;
    networking.networkmanager.enable = lib.mkForce true;
    # Its module would be compiled, and no layout of ours has it.
    boot.supportedFilesystems.zfs = lib.mkForce false;

    nix.settings = import ../../nixos-modules/cuda-cache.nix // {
      experimental-features = [
        "nix-command"
        "flakes"
      ];
    };

    image.modules = {
      iso.isoImage = {
        volumeID = cfg.volumeLabel;
        edition = "jex";
        makeEfiBootable = true;
        makeUsbBootable = true;
      };
      # Nothing of it needs a manual, or nixpkgs as a channel.
      kexec = {
        documentation.nixos.enable = lib.mkOverride 40 false;
        system.installer.channel.enable = false;
      };
    };
  };
}
