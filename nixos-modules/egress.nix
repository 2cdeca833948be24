# What may leave the machine. Our own units and those of others reach loopback only; what has to go out goes through one
# proxy, to the hosts that the owner's choices need, and is logged by unit.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  inherit (lib) mkOption types;
  hostOf = url: builtins.head (builtins.match "[a-z]+://([^/:]+).*" url);
  needed =
    lib.optional (cfg.llm.url != null) (hostOf cfg.llm.url)
    ++ cfg.egress.needed
    ++ cfg.egress.hosts;
in
{
  options.services.jex.egress = {
    hosts = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Host names that the owner's workflows may reach, by HTTPS.";
      example = [ "api.open-meteo.com" ];
    };
    needed = mkOption {
      type = types.listOf types.str;
      default = [ ];
      internal = true;
      description = "Host names that other modules need, by HTTPS.";
    };
    allowed = mkOption {
      type = types.listOf types.str;
      readOnly = true;
      default = if cfg.airGapped then [ ] else lib.unique needed;
      defaultText = lib.literalMD "what the chosen providers need, and `hosts`";
      description = "Every host name that the proxy lets through.";
    };
    proxyPort = mkOption {
      type = types.port;
      default = 8888;
      description = "Loopback port of the proxy.";
      example = 3128;
    };
    loopbackOnly = mkOption {
      type = types.attrs;
      readOnly = true;
      internal = true;
      default = {
        IPAddressDeny = "any";
        IPAddressAllow = "localhost";
      };
      description = "For the serviceConfig of a unit that reaches this machine only.";
    };
    proxyEnvironment = mkOption {
      type = types.attrsOf types.str;
      readOnly = true;
      internal = true;
      default = lib.optionalAttrs (cfg.egress.allowed != [ ]) rec {
        HTTPS_PROXY = "http://127.0.0.1:${toString cfg.egress.proxyPort}";
        https_proxy = HTTPS_PROXY;
        NO_PROXY = "localhost,127.0.0.1,::1";
        no_proxy = NO_PROXY;
      };
      description = "For the environment of a unit that goes out through the proxy.";
    };
  };

  config = lib.mkIf (cfg.enable && cfg.egress.allowed != [ ]) {
    services.tinyproxy = {
      enable = true;
      settings = {
        Listen = "127.0.0.1";
        Port = cfg.egress.proxyPort;
        Allow = [ "127.0.0.1" ];
        # TLS alone: nobody on the way, the proxy included, reads along.
        ConnectPort = 443;
        FilterDefaultDeny = true;
        FilterType = "ere";
        Filter = "${pkgs.writeText "jex-egress-hosts" (
          lib.concatMapStrings (host: "^${lib.escapeRegex host}$\n") cfg.egress.allowed
        )}";
        LogLevel = "Connect";
        DisableViaHeader = true;
      };
    };
  };
}
