# The one person this machine belongs to: ssh by key, sudo, no password anywhere.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  inherit (lib) mkOption types;
in
{
  options.services.jex.owner = {
    name = mkOption {
      type = types.str;
      default = "owner";
      description = "Login name of the owner, who may become root without a password.";
      example = "ada";
    };
    sshKeys = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      description = "Public SSH keys that let the owner in. There is no other way, so at least one is needed.";
      example = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBxm2mZ ada@laptop" ];
    };
    keysFromMetadata = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the place where the machine runs brings the owner's key, as a cloud's metadata does.";
      example = true;
    };
    keysRequired = mkOption {
      type = types.bool;
      default = false;
      description = "Whether a system without any key is refused when it is built. So it is for images: nobody could log in.";
      example = true;
    };
  };

  config = lib.mkIf cfg.enable {
    users.mutableUsers = false;
    # Refused below, and with what to do about it.
    users.allowNoPasswordLogin = lib.mkDefault (cfg.owner.sshKeys == [ ]);
    users.users.${cfg.owner.name} = {
      isNormalUser = true;
      extraGroups = [
        "wheel"
        "systemd-journal"
      ];
      openssh.authorizedKeys.keys = cfg.owner.sshKeys;
    };
    # A machine that runs already must not lock its owner out by an upgrade.
    system.preSwitchChecks.jex-owner =
      lib.mkIf (cfg.owner.sshKeys == [ ] && !cfg.owner.keysFromMetadata)
        ''
          echo "services.jex.owner.sshKeys is empty: after this switch nobody could log in." >&2
          echo "Put your public SSH key there (cat ~/.ssh/id_ed25519.pub)." >&2
          exit 1
        '';

    security.sudo.wheelNeedsPassword = false;
    nix.settings.trusted-users = [ cfg.owner.name ];

    # Metadata brings the key to root; it is the owner's. sshd trusts no program in the store, which a group can write to.
    environment.etc."ssh/owner-keys" = lib.mkIf cfg.owner.keysFromMetadata {
      mode = "0755";
      text = ''
        #!${pkgs.runtimeShell}
        if [ "$1" = ${lib.escapeShellArg cfg.owner.name} ]; then ${pkgs.coreutils}/bin/cat /root/.ssh/authorized_keys; fi
      '';
    };

    services.openssh = {
      enable = true;
      authorizedKeysCommand = lib.mkIf cfg.owner.keysFromMetadata (
        lib.mkDefault "/etc/ssh/owner-keys %u"
      );
      authorizedKeysCommandUser = lib.mkIf cfg.owner.keysFromMetadata (lib.mkDefault "root");
      settings = {
        PasswordAuthentication = false;
        KbdInteractiveAuthentication = false;
        # Before the images of clouds, which let root in by key.
        PermitRootLogin = lib.mkOverride 900 "no";
        # n8n's editor and nothing else needs it; the owner may reach what listens on loopback.
        X11Forwarding = false;
      };
    };
  };
}
