# HTTPS, without which no browser gives a page the microphone: by a domain's certificate, or by a CA of our own on a LAN.
{ config, lib, ... }:
let
  cfg = config.services.jex;
  acme = cfg.tls.acmeEmail != null;
  local = lib.hasSuffix ".local" cfg.hostName;
  port = cfg.settings.web.port or 3000;
  signalling = toString config.services.livekit.settings.port;
  inherit (lib) mkOption types;
in
{
  options.services.jex.tls = {
    acmeEmail = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "Address that the certificate authority may write to. Set, the certificate for `hostName` is got by ACME; otherwise this machine is its own authority.";
      example = "ada@example.org";
    };
    addresses = mkOption {
      type = types.listOf types.str;
      default = [ ];
      description = "Addresses under which the page is opened as well as by name; the certificate holds them.";
      example = [ "192.168.1.20" ];
    };
  };

  config = lib.mkIf cfg.enable {
    services.caddy = {
      enable = true;
      openFirewall = true;
      email = lib.mkIf acme cfg.tls.acmeEmail;
      virtualHosts = {
        ${lib.concatStringsSep ", " ([ cfg.hostName ] ++ cfg.tls.addresses)} = {
          extraConfig = ''
            ${lib.optionalString (!acme) "tls internal"}
            ${lib.optionalString (cfg.livekit.mode == "own") ''
              handle /rtc* {
                reverse_proxy 127.0.0.1:${signalling}
              }
            ''}
            handle {
              reverse_proxy 127.0.0.1:${toString port}
            }
          '';
        };
      }
      // lib.optionalAttrs (!acme) {
        # A phone has to trust the CA before it can use HTTPS, so this one page comes without.
        "http://${cfg.hostName}" = {
          extraConfig = ''
            handle /ca.crt {
              root * ${config.services.caddy.dataDir}/.local/share/caddy/pki/authorities/local
              rewrite * /root.crt
              header Content-Type application/x-x509-ca-cert
              file_server
            }
            handle {
              redir https://{host}{uri}
            }
          '';
        };
      };
    };

    services.avahi = lib.mkIf local {
      enable = true;
      openFirewall = true;
      hostName = lib.removeSuffix ".local" cfg.hostName;
      publish = {
        enable = true;
        addresses = true;
      };
    };
  };
}
