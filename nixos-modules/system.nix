# The machine itself: upgrades that can be undone, and time.
{ config, lib, ... }:
let
  cfg = config.services.jex;
  inherit (lib) mkDefault mkOption types;
in
{
  options.services.jex.timeServers = mkOption {
    type = types.listOf types.str;
    default = [ ];
    description = "Time servers of the local network. An air-gapped machine asks no other.";
    example = [ "192.168.1.1" ];
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

    networking.timeServers = lib.mkIf (cfg.airGapped || cfg.timeServers != [ ]) cfg.timeServers;
    services.timesyncd.enable = mkDefault (!cfg.airGapped || cfg.timeServers != [ ]);

    documentation.nixos.enable = mkDefault false;

    # Exactly what is unfree, by name: n8n, and with CUDA the driver and its libraries.
    nixpkgs.config.allowUnfreePredicate =
      package:
      let
        name = lib.getName package;
      in
      builtins.elem name (
        [
          "n8n"
          "n8n-task-runner-launcher"
        ]
        ++ lib.optionals (cfg.hardware.acceleration == "cuda") [
          "nvidia-x11"
          "nvidia-kernel-modules"
          "nvidia-settings"
          "nvidia-persistenced"
        ]
      )
      || (
        cfg.hardware.acceleration == "cuda"
        && builtins.any (prefix: lib.hasPrefix prefix name) [
          "cuda"
          "libcu"
          "libnv"
          "libnpp"
          "cudnn"
        ]
      );
  };
}
