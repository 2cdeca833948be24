# The machine itself: upgrades that can be undone, and time.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  inherit (lib) mkDefault mkOption types;
  cuda = cfg.hardware.acceleration == "cuda";

  upgradeFrom = pkgs.writeShellApplication {
    name = "jex-upgrade-from";
    runtimeInputs = [
      pkgs.coreutils
      config.nix.package
    ];
    text = builtins.readFile ./system/upgrade-from.sh;
  };
in
{
  options.services.jex = {
    timeServers = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Time servers of the local network. An air-gapped machine asks no other.";
      example = [ "192.168.1.1" ];
    };
    builtAt = mkOption {
      type = types.ints.unsigned;
      default = 0;
      internal = true;
      description = "When this version of JEX was made, in seconds since 1970: no clock that is right is before it.";
    };
  };

  config = lib.mkIf cfg.enable {
    # Generations to go back to, and a /boot that does not fill up with them.
    boot.loader.systemd-boot.configurationLimit = mkDefault 10;
    nix.gc = {
      automatic = mkDefault true;
      dates = mkDefault "weekly";
      options = mkDefault "--delete-older-than 30d";
    };
    nix.settings.experimental-features = [
      "nix-command"
      "flakes"
    ];
    # The owner decides when; see `docs/`.
    system.autoUpgrade.enable = mkDefault false;
    environment.systemPackages = [ upgradeFrom ];

    # A half-written kernel is found out at the next boot, which is too late.
    system.preSwitchChecks.jex-boot = ''
      PATH=${pkgs.coreutils}/bin
      new=$(readlink -f "$1/kernel" "$1/initrd")
      if [ -d /boot/EFI ] && [ "$new" != "$(readlink -f /run/current-system/kernel /run/current-system/initrd)" ]; then
        needed=$(du -ckL "$1/kernel" "$1/initrd" | tail -n 1 | cut -f 1)
        free=$(df -k --output=avail /boot | tail -n 1)
        if [ "$free" -lt "$needed" ]; then
          echo "/boot has room for $((free / 1024)) MiB, and kernel and initrd of the new system need $((needed / 1024)) MiB." >&2
          echo "Let old generations go (sudo nix-collect-garbage --delete-older-than 7d, then sudo /run/current-system/bin/switch-to-configuration boot), or lower boot.loader.systemd-boot.configurationLimit." >&2
          exit 1
        fi
      fi
    '';

    networking.timeServers = lib.mkIf (cfg.airGapped || cfg.timeServers != [ ]) cfg.timeServers;
    services.timesyncd.enable = mkDefault (!cfg.airGapped || cfg.timeServers != [ ]);

    # Nobody tells an air-gapped machine the time, and without a battery it wakes up in the past: certificates and tokens
    # made then are refused by everyone.
    systemd.services.jex-clock = lib.mkIf cfg.airGapped {
      description = "Refusal of a clock that is wrong";
      requiredBy = [
        "caddy.service"
        "livekit.service"
      ];
      before = [
        "caddy.service"
        "livekit.service"
      ];
      path = [ pkgs.coreutils ];
      environment.BUILT_AT = toString cfg.builtAt;
      script = ''
        if [ "$(date +%s)" -lt "$BUILT_AT" ]; then
          echo "The clock of this machine says $(date --utc '+%F %R') UTC, but JEX was built on $(date --utc --date="@$BUILT_AT" +%F)."
          echo "The page does not start before the clock is set: sudo timedatectl set-time 'YYYY-MM-DD hh:mm'"
          echo "It starts by itself then. If that happens at every boot, the battery of the clock is empty, or there is none: name a time server of your network in services.jex.timeServers."
          exit 1
        fi
      '';
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        DynamicUser = true;
        ProtectHome = true;
        PrivateNetwork = true;
        StandardOutput = "journal+console";
      };
    };
    # Who set it, a person or a time server, does not have to start anything.
    systemd.timers.jex-clock-set = lib.mkIf cfg.airGapped {
      description = "What waited for the clock, once it is set";
      wantedBy = [ "timers.target" ];
      timerConfig.OnClockChange = true;
    };
    systemd.services.jex-clock-set = lib.mkIf cfg.airGapped {
      description = "What waited for the clock";
      serviceConfig = {
        Type = "oneshot";
        ExecStart = "${lib.getExe' config.systemd.package "systemctl"} start --no-block multi-user.target";
        PrivateNetwork = true;
      };
    };

    documentation.nixos.enable = mkDefault false;

    # Exactly what is unfree: n8n, and with CUDA the driver by name and NVIDIA's libraries by licence.
    nixpkgs.config =
      { pkgs, ... }:
      {
        allowUnfreePredicate =
          package:
          builtins.elem (lib.getName package) (
            [
              "n8n"
              "n8n-task-runner-launcher"
            ]
            ++ lib.optionals cuda [
              "nvidia-x11"
              "nvidia-kernel-modules"
            ]
          )
          || (cuda && pkgs._cuda.lib.allowUnfreeCudaPredicate package);
      };
  };
}
