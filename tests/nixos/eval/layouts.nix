# A machine's disk by encryption: the script that partitions it, and what the system then starts from.
{ lib, hosts }:
lib.genAttrs
  [
    "none"
    "passphrase"
    "tpm2"
  ]
  (
    luks:
    let
      inherit
        (hosts.configurations.jex-gpu.extendModules {
          modules = [
            {
              jex.disk = {
                inherit luks;
                device = "/dev/disk/by-id/nvme-Samsung";
              };
            }
          ];
        })
        config
        ;
    in
    {
      script = config.system.build.destroyFormatMount.drvPath;
      # What the script does, without the paths of its tools.
      create = builtins.unsafeDiscardStringContext config.disko.devices._create;
      root = config.fileSystems."/".device;
      boot = config.fileSystems."/boot".device;
      encrypted = lib.mapAttrs (_: device: {
        inherit (device) device crypttabExtraOpts;
      }) config.boot.initrd.luks.devices;
      check = builtins.unsafeDiscardStringContext config.system.preSwitchChecks.jex-disk;
    }
  )
