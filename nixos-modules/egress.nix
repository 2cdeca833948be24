# What may leave the machine. Units reach this machine only, those that face people excepted. What has to go out goes
# through one proxy, by a port of its own for each unit, to the hosts that the owner's choices need, and is logged with the
# unit's name. What a unit tries beside the proxy is dropped and counted.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  inherit (cfg.egress) confined routes;
  inherit (lib) mkOption types;

  hostName = types.strMatching "[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+";
  family = address: if lib.hasInfix ":" address then "ip6" else "ip";
  # What nftables takes as a name.
  set = lib.replaceStrings [ "-" ] [ "_" ];
in
{
  options.services.jex.egress = {
    hosts = mkOption {
      type = types.listOf hostName;
      default = [ ];
      description = "Host names that the owner's workflows in n8n may reach, by HTTPS.";
      example = [ "api.open-meteo.com" ];
    };
    lan = mkOption {
      # A name would be looked up when the firewall is loaded, before there is a network.
      type = types.listOf (types.strMatching "[0-9a-f.:]+(/[0-9]+)?");
      default = [ ];
      description = "Addresses on the owner's own network that the agent may reach without the proxy, such as a model server without TLS.";
      example = [ "192.168.1.30" ];
    };
    confined = mkOption {
      type = types.listOf types.str;
      default = [ ];
      internal = true;
      description = "Services that reach this machine only.";
    };
    routes = mkOption {
      type = types.attrsOf (
        types.submodule {
          options = {
            port = mkOption {
              type = types.port;
              description = "Loopback port on which the proxy expects this service.";
            };
            hosts = mkOption {
              type = types.listOf hostName;
              default = [ ];
              description = "Host names that it may reach.";
            };
          };
        }
      );
      default = { };
      internal = true;
      visible = false;
      description = "By service: the way out that it has.";
    };
    environment = mkOption {
      type = types.attrsOf (types.attrsOf types.str);
      readOnly = true;
      internal = true;
      default = lib.mapAttrs (
        _: route:
        lib.optionalAttrs (route.hosts != [ ]) rec {
          HTTPS_PROXY = "http://127.0.0.1:${toString route.port}";
          https_proxy = HTTPS_PROXY;
          NO_PROXY = lib.concatStringsSep "," (
            [
              "localhost"
              "127.0.0.1"
              "::1"
            ]
            ++ cfg.egress.lan
          );
          no_proxy = NO_PROXY;
        }
      ) routes;
      description = "By service: what its environment has to hold, to take that way.";
    };
    allowed = mkOption {
      type = types.attrsOf (types.listOf types.str);
      readOnly = true;
      default = lib.filterAttrs (_: hosts: hosts != [ ]) (lib.mapAttrs (_: route: route.hosts) routes);
      defaultText = lib.literalMD "what the chosen providers need, and `hosts`";
      description = "By service: every host name that the proxy lets it reach.";
    };
  };

  config = lib.mkIf cfg.enable {
    systemd.services =
      lib.genAttrs confined (name: {
        environment = cfg.egress.environment.${name} or { };
        serviceConfig = {
          IPAddressDeny = "any";
          IPAddressAllow = [ "localhost" ] ++ lib.optionals (name == "jex-agent") cfg.egress.lan;
          NFTSet = "cgroup:inet:jex:${set name}";
          # Those who look names up for anyone who asks.
          InaccessiblePaths = [
            "-/run/dbus"
            "-/run/systemd/resolve/io.systemd.Resolve"
          ];
        };
      })
      // {
        # Rules that are loaded anew come with empty sets; systemd fills them when it reads its units again.
        jex-egress-sets = {
          description = "Who may not leave the machine, after a change of the firewall";
          wantedBy = [ "nftables.service" ];
          after = [ "nftables.service" ];
          unitConfig.ReloadPropagatedFrom = "nftables.service";
          serviceConfig = {
            Type = "oneshot";
            RemainAfterExit = true;
            ExecStart = "${pkgs.coreutils}/bin/true";
            ExecReload = "${config.systemd.package}/bin/systemctl --no-block daemon-reload";
            PrivateNetwork = true;
          };
        };
        "3proxy" = lib.mkIf (cfg.egress.allowed != { }) {
          serviceConfig = import ./hardening.nix;
        };
      };

    # `nft list counters table inet jex` shows what was tried.
    networking.nftables.tables.jex = {
      family = "inet";
      content = ''
        ${lib.concatMapStrings (name: ''
          set ${set name} { type cgroupsv2; }
          counter ${set name} { }
        '') confined}
        chain output {
          type filter hook output priority filter - 10; policy accept;
          ${lib.concatMapStrings (name: ''
            oifname "lo" meta l4proto { tcp, udp } th dport 53 socket cgroupv2 level 2 @${set name} counter name "${set name}" reject with icmpx admin-prohibited
          '') confined}
          ${lib.concatMapStrings (name: ''
            oifname "lo" tcp dport ${toString routes.${name}.port} socket cgroupv2 level 2 != @${set name} reject with tcp reset
          '') (lib.intersectLists confined (builtins.attrNames cfg.egress.allowed))}
          oifname "lo" accept
          ${lib.concatMapStrings (address: ''
            socket cgroupv2 level 2 @jex_agent ${family address} daddr ${address} accept
          '') (lib.optionals (builtins.elem "jex-agent" confined) cfg.egress.lan)}
          ${lib.concatMapStrings (name: ''
            socket cgroupv2 level 2 @${set name} counter name "${set name}" reject with icmpx admin-prohibited
          '') confined}
        }
      '';
    };

    # The kernel in which nixpkgs tries the rules at build time has no control groups.
    networking.nftables.preCheckRuleset = ''
      sed -E -i 's/socket cgroupv2 level 2 (!= )?@[a-z0-9_]+//' ruleset.conf
    '';

    services._3proxy = lib.mkIf (cfg.egress.allowed != { }) {
      enable = true;
      # Names of the outside that lead back inside.
      denyPrivate = true;
      services = lib.mapAttrsToList (name: hosts: {
        type = "proxy";
        bindAddress = "127.0.0.1";
        bindPort = routes.${name}.port;
        auth = [ "iponly" ];
        # TLS alone: nobody on the way, the proxy included, reads along. In the log, 0 was let through, 1 refused, 100 not found.
        extraConfig = ''
          allow * * ${lib.concatStringsSep "," hosts} 443 HTTP_CONNECT
          deny *
          logformat "L${name}: %T: %E, %O bytes out, %I bytes in"
        '';
      }) cfg.egress.allowed;
    };
  };
}
