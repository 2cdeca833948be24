# LiveKit's Redis: its own instance, on loopback, with a password.
{ config, lib, ... }:
let
  cfg = config.services.jex;
  inherit (cfg.secrets) directory;
in
lib.mkIf (cfg.enable && cfg.livekit.mode == "own") {
  services.jex.secrets.names.redis-password = 43;
  services.jex.egress.confined = [ "redis-livekit" ];

  services.redis.servers.livekit = {
    enable = true;
    bind = "127.0.0.1";
    port = 6390;
    requirePassFile = "${directory}/redis-password";
    # Rooms end with the machine.
    save = [ ];
  };
  # Redis never forks to save here, and images of installers set this themselves.
  services.redis.vmOverCommit = false;

  systemd.services.redis-livekit = {
    requires = [ "jex-secrets.service" ];
    after = [ "jex-secrets.service" ];
    serviceConfig = {
      Restart = "always";
      RestartSec = "2s";
    };
  };
}
