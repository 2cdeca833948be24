# One disk: /boot with room for the kernels of ten generations, the rest for everything, encrypted if the owner wants.
# For machines that our installer or nixos-anywhere partitions; images bring a layout of their own.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.jex.disk;
  inherit (lib) mkOption types;
  encrypted = cfg.luks != "none";

  root = {
    type = "filesystem";
    format = "ext4";
    mountpoint = "/";
  };
in
{
  options.jex.disk = {
    device = mkOption {
      type = types.str;
      default = "/dev/disk/by-id/set-jex.disk.device";
      description = "Disk that is partitioned, as `ls /dev/disk/by-id` names it. A running system does not depend on it: it finds its partitions by their labels.";
      example = "/dev/disk/by-id/nvme-Samsung_SSD_990_PRO_2TB_S7KHNJ0W";
    };
    luks = mkOption {
      type = types.enum [
        "none"
        "passphrase"
        "tpm2"
      ];
      default = "none";
      description = "Whether the disk is encrypted, and what opens it at the start: a passphrase typed at the console, or the machine's TPM2, with the passphrase for the day when it refuses.";
      example = "tpm2";
    };
    passphraseFile = mkOption {
      type = types.externalPath;
      default = "/run/jex-disk-passphrase";
      description = "File that holds the passphrase while the disk is partitioned, without a newline at its end; nothing of it reaches the new system.";
      example = "/tmp/disk.key";
    };
  };

  config = {
    disko.devices.disk.main = {
      type = "disk";
      inherit (cfg) device;
      content = {
        type = "gpt";
        partitions = {
          ESP = {
            size = "1G";
            type = "EF00";
            content = {
              type = "filesystem";
              format = "vfat";
              mountpoint = "/boot";
              mountOptions = [ "umask=0077" ];
            };
          };
          root = {
            size = "100%";
            content =
              if encrypted then
                {
                  type = "luks";
                  name = "jex";
                  passwordFile = toString cfg.passphraseFile;
                  settings = {
                    allowDiscards = true;
                    crypttabExtraOpts = lib.mkIf (cfg.luks == "tpm2") [ "tpm2-device=auto" ];
                  };
                  content = root;
                }
              else
                root;
          };
        };
      };
    };

    # Not before `boot`, which is what installs a system on a new disk.
    system.preSwitchChecks.jex-disk = lib.mkIf config.disko.enableConfig ''
      PATH=${
        lib.makeBinPath [
          pkgs.coreutils
          pkgs.util-linux
        ]
      } ${pkgs.runtimeShell} ${./root-device-check.sh} ${config.fileSystems."/".device}
    '';
  };
}
