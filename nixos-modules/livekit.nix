# The media server. Signalling stays on loopback behind Caddy; media goes to the people directly.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  own = cfg.livekit.mode == "own";
  inherit (cfg.secrets) directory;
  inherit (lib) mkOption types;
  redisPort = config.services.redis.servers.livekit.port;
in
{
  options.services.jex.livekit = {
    nodeIp = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "Address on which media is offered. Absent: the machine's own, found at start.";
      example = "203.0.113.7";
    };
    udpPorts = {
      from = mkOption {
        type = types.port;
        default = 50000;
        description = "First UDP port of media.";
        example = 50000;
      };
      to = mkOption {
        type = types.port;
        default = 51000;
        description = "Last UDP port of media.";
        example = 50200;
      };
    };
    tcpPort = mkOption {
      type = types.port;
      default = 7881;
      description = "TCP port of media, for networks that let no UDP through.";
      example = 7881;
    };
  };

  config = lib.mkIf (cfg.enable && own) {
    services.jex.secrets.names = {
      livekit-api-key = 15;
      livekit-api-secret = 43;
    };

    services.jex.settings.livekit = {
      port = config.services.livekit.settings.port;
      rtc_tcp_port = cfg.livekit.tcpPort;
      rtc_udp_port_start = cfg.livekit.udpPorts.from;
      rtc_udp_port_end = cfg.livekit.udpPorts.to;
    };

    services.livekit = {
      enable = true;
      keyFile = "/run/jex-livekit/keys";
      # Never `openFirewall`: it opens 7880, which is Caddy's.
      settings = {
        port = 7880;
        bind_addresses = [ "127.0.0.1" ];
        # The module starts a Redis and does not use it.
        redis.address = "127.0.0.1:${toString redisPort}";
        rtc = {
          port_range_start = cfg.livekit.udpPorts.from;
          port_range_end = cfg.livekit.udpPorts.to;
          tcp_port = cfg.livekit.tcpPort;
          # Otherwise browsers are told to ask Google's. LiveKit's TURN answers STUN as well.
          stun_servers = [ "${cfg.hostName}:3478" ];
          use_external_ip = false;
          # The agent may reach nothing else.
          enable_loopback_candidate = true;
        };
        turn = {
          enabled = true;
          domain = cfg.hostName;
          udp_port = 3478;
        };
        room.auto_create = true;
      };
    };

    systemd.services.livekit = {
      requires = [
        "jex-secrets.service"
        "redis-livekit.service"
      ];
      after = [
        "jex-secrets.service"
        "redis-livekit.service"
        "jex-livekit-environment.service"
      ];
      wants = [ "jex-livekit-environment.service" ];
      serviceConfig.EnvironmentFile = "/run/jex-livekit/environment";
    };

    # LiveKit takes its key pair and Redis's password in forms of its own.
    systemd.services.jex-livekit-environment = {
      description = "LiveKit's keys, Redis password and address";
      requires = [ "jex-secrets.service" ];
      after = [
        "jex-secrets.service"
        "network-online.target"
      ];
      wants = [ "network-online.target" ];
      partOf = [ "livekit.service" ];
      before = [ "livekit.service" ];
      path = [
        pkgs.coreutils
        pkgs.iproute2
        pkgs.gawk
      ];
      environment = {
        SECRETS = toString directory;
        NODE_IP = if cfg.livekit.nodeIp == null then "" else cfg.livekit.nodeIp;
      };
      script = ''
        umask 077
        printf '%s: %s\n' "$(cat "$SECRETS/livekit-api-key")" "$(cat "$SECRETS/livekit-api-secret")" >"$RUNTIME_DIRECTORY/keys"
        if [ -z "$NODE_IP" ]; then
          # The address that would be spoken from; no packet is sent.
          NODE_IP=$(ip -4 route get 192.0.2.1 2>/dev/null | awk '{ for (i = 1; i < NF; i++) if ($i == "src") print $(i + 1) }')
        fi
        {
          printf 'REDIS_PASSWORD=%s\n' "$(cat "$SECRETS/redis-password")"
          [ -z "$NODE_IP" ] || printf 'NODE_IP=%s\n' "$NODE_IP"
        } >"$RUNTIME_DIRECTORY/environment"
      '';
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        RuntimeDirectory = "jex-livekit";
        RuntimeDirectoryMode = "0700";
        ProtectSystem = "strict";
        ProtectHome = true;
        PrivateTmp = true;
      };
    };

    networking.firewall = {
      allowedTCPPorts = [ cfg.livekit.tcpPort ];
      allowedUDPPorts = [ 3478 ];
      allowedUDPPortRanges = [ { inherit (cfg.livekit.udpPorts) from to; } ];
    };
  };
}
