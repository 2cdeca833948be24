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
  acme = cfg.tls.acmeEmail != null;
  certificate = config.security.acme.certs.${cfg.hostName}.directory;
  inherit (lib) mkIf mkOption types;

  # It reads root's secrets or restarts a unit, and asks the kernel for addresses, or its cloud.
  asRoot = import ./hardening.nix // {
    DynamicUser = false;
    PrivateUsers = false;
    IPAddressDeny = "any";
    IPAddressAllow = [
      "localhost"
    ]
    ++ lib.optional (cfg.livekit.addressFrom != "interface") "169.254.169.254";
    RestrictAddressFamilies = [
      "AF_UNIX"
      "AF_INET"
      "AF_INET6"
      "AF_NETLINK"
    ];
  };

  nodeIp = pkgs.writeShellApplication {
    name = "jex-node-ip";
    runtimeInputs = [
      pkgs.curl
      pkgs.iproute2
      pkgs.jq
    ];
    text = builtins.readFile ./scripts/node-ip;
  };
in
{
  options.services.jex.livekit = {
    nodeIp = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "Address on which media is offered. Absent: found at start, and again when it changes.";
      example = "203.0.113.7";
    };
    addressFrom = mkOption {
      type = types.enum [
        "interface"
        "amazon"
        "google"
      ];
      default = "interface";
      description = "Where that address is found: on this machine, or in the metadata of a cloud that puts a public address in front of it.";
      example = "amazon";
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

  config = mkIf (cfg.enable && own) {
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
        # The module can start a Redis, and does not use it.
        redis.address = "127.0.0.1:${toString config.services.redis.servers.livekit.port}";
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
          # TURN relays to no private address unless told; this machine's own is one on a LAN.
          allow_restricted_peer_cidrs = [
            "10.0.0.0/8"
            "172.16.0.0/12"
            "192.168.0.0/16"
            "fc00::/7"
          ];
        }
        // lib.optionalAttrs acme {
          tls_port = 5349;
          cert_file = "/run/credentials/livekit.service/turn.crt";
          key_file = "/run/credentials/livekit.service/turn.key";
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
      ]
      ++ lib.optional acme "acme-${cfg.hostName}.service";
      wants = [ "jex-livekit-environment.service" ] ++ lib.optional acme "acme-${cfg.hostName}.service";
      serviceConfig = {
        EnvironmentFile = "/run/jex-livekit/environment";
        LoadCredential = mkIf acme [
          "turn.crt:${certificate}/fullchain.pem"
          "turn.key:${certificate}/key.pem"
        ];
      };
    };

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
      path = [ nodeIp ];
      environment = {
        SECRETS = toString cfg.secrets.directory;
        NODE_IP = lib.mkIf (cfg.livekit.nodeIp != null) cfg.livekit.nodeIp;
        ADDRESS_FROM = cfg.livekit.addressFrom;
      };
      script = builtins.readFile ./scripts/livekit-environment;
      serviceConfig = asRoot // {
        Type = "oneshot";
        RemainAfterExit = true;
        RuntimeDirectory = "jex-livekit";
        RuntimeDirectoryMode = "0700";
      };
    };

    systemd.services.jex-follow-address = mkIf (cfg.livekit.nodeIp == null) {
      description = "LiveKit's address, when it changes";
      wantedBy = [ "multi-user.target" ];
      after = [ "livekit.service" ];
      path = [
        config.systemd.package
        nodeIp
        pkgs.iproute2
      ];
      environment.ADDRESS_FROM = cfg.livekit.addressFrom;
      script = builtins.readFile ./scripts/follow-address;
      serviceConfig = asRoot // {
        Restart = "always";
        RestartSec = "5s";
      };
    };

    networking.firewall = {
      allowedTCPPorts = [ cfg.livekit.tcpPort ] ++ lib.optional acme 5349;
      allowedUDPPorts = [ 3478 ];
      allowedUDPPortRanges = [ { inherit (cfg.livekit.udpPorts) from to; } ];
    };
  };
}
