# HTTPS, without which no browser gives a page the microphone: by a domain's certificate, or by a CA of our own on a LAN.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  acme = cfg.tls.acmeEmail != null;
  local = lib.hasSuffix ".local" cfg.hostName;
  port = cfg.settings.web.port or 3000;
  signalling = toString config.services.livekit.settings.port;
  inherit (cfg.tls) names;
  inherit (lib) mkIf mkOption types;

  # A phone has to trust the CA before it can use HTTPS, so this alone comes without.
  ca = ''
    handle /ca {
      rewrite * /index.html
      root * /run/jex-ca
      file_server
    }
    handle /ca.crt {
      root * /run/jex-ca
      header Content-Type application/x-x509-ca-cert
      file_server
    }
    handle /ca.mobileconfig {
      root * /run/jex-ca
      header Content-Type application/x-apple-aspen-config
      file_server
    }
  '';

  page = ''
    ${lib.optionalString (!acme) "tls internal"}
    ${lib.optionalString (cfg.livekit.mode == "own") ''
      handle /rtc* {
        reverse_proxy 127.0.0.1:${signalling}
      }
    ''}
    handle {
      reverse_proxy 127.0.0.1:${toString port} {
        # jex-web closes idle connections after 10 s.
        transport http {
          keepalive 5s
        }
      }
    }
  '';
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
    names = mkOption {
      type = types.listOf types.str;
      readOnly = true;
      internal = true;
      default = [
        cfg.hostName
      ]
      ++ map (address: if lib.hasInfix ":" address then "[${address}]" else address) cfg.tls.addresses;
      description = "Under what the page is opened, as in an address of the web.";
    };
  };

  config = mkIf cfg.enable (
    lib.mkMerge [
      {
        services.caddy = {
          enable = true;
          openFirewall = true;
          # Its pages are made here, so nothing has to be changed while it runs.
          globalConfig = "admin off";
          enableReload = false;
        };
        services.avahi = mkIf local {
          enable = true;
          openFirewall = true;
          hostName = lib.removeSuffix ".local" cfg.hostName;
          publish = {
            enable = true;
            addresses = true;
          };
        };
      }

      (mkIf acme {
        security.acme = {
          acceptTerms = true;
          certs.${cfg.hostName} = {
            email = cfg.tls.acmeEmail;
            webroot = "/var/lib/acme/acme-challenge";
            group = "caddy";
            reloadServices = [ "caddy.service" ];
            # LiveKit is given its certificate when it starts.
            postRun = "systemctl --no-block try-restart livekit.service";
          };
        };
        services.jex.egress = {
          confined = [ "acme-order-renew-${cfg.hostName}" ];
          routes."acme-order-renew-${cfg.hostName}" = {
            port = 8887;
            hosts = [ "acme-v02.api.letsencrypt.org" ];
          };
        };
        services.caddy.virtualHosts = {
          ${cfg.hostName} = {
            useACMEHost = cfg.hostName;
            extraConfig = page;
          };
          "http://${cfg.hostName}".extraConfig = ''
            handle /.well-known/acme-challenge/* {
              root * /var/lib/acme/acme-challenge
              file_server
            }
            handle {
              redir https://{host}{uri}
            }
          '';
        };
      })

      (mkIf (!acme) {
        services.caddy.virtualHosts = {
          ${lib.concatStringsSep ", " names}.extraConfig = page;
          ${lib.concatMapStringsSep ", " (name: "http://${name}") names}.extraConfig = ''
            ${ca}
            handle {
              redir https://{host}{uri}
            }
          '';
          # Also for those whose network does not find the name.
          "http://".extraConfig = ''
            ${ca}
            handle {
              redir https://${cfg.hostName}{uri}
            }
          '';
        };

        # Caddy makes its CA when it starts for the first time.
        systemd.paths.jex-ca = {
          description = "Caddy's root certificate";
          wantedBy = [ "multi-user.target" ];
          pathConfig.PathChanged = "${config.services.caddy.dataDir}/.local/share/caddy/pki/authorities/local/root.crt";
        };
        systemd.services.jex-ca = {
          description = "The root certificate as phones and computers take it";
          wantedBy = [ "multi-user.target" ];
          after = [ "caddy.service" ];
          path = [ pkgs.openssl ];
          environment = {
            ROOT = "${config.services.caddy.dataDir}/.local/share/caddy/pki/authorities/local/root.crt";
            NAME = cfg.hostName;
            TEMPLATE = "${./ca.html}";
          };
          script = builtins.readFile ./scripts/publish-ca;
          serviceConfig = import ./hardening.nix // {
            Type = "oneshot";
            DynamicUser = false;
            PrivateUsers = false;
            User = "caddy";
            Group = "caddy";
            UMask = "0022";
            RuntimeDirectory = "jex-ca";
            RuntimeDirectoryPreserve = true;
            PrivateNetwork = true;
          };
        };
      })
    ]
  );
}
