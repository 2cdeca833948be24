# The page's server, on loopback, behind Caddy. systemd holds its sockets, so that nobody is turned away while it restarts.
{ config, lib, ... }:
let
  cfg = config.services.jex;
  port = toString (cfg.settings.web.port or 3000);
in
lib.mkIf cfg.enable {
  services.jex = {
    settings.web.public_urls = map (name: "https://${name}") cfg.tls.names;
    egress.confined = [ "jex-web" ];
  };

  systemd.sockets.jex-web = {
    description = "JEX's page";
    wantedBy = [ "sockets.target" ];
    listenStreams = [
      "127.0.0.1:${port}"
      "[::1]:${port}"
    ];
  };

  systemd.services.jex-web = {
    description = "JEX's page";
    # It makes the code that pairs the first browser, so it does not wait for one.
    wantedBy = [ "multi-user.target" ];
    requires = [
      "jex-secrets.service"
      "jex-web.socket"
    ];
    after = [
      "network.target"
      "jex-secrets.service"
      "jex-web.socket"
    ];
    environment = {
      JEX_CONFIG = "${cfg.settingsFile}";
      HOME = "%S/jex-web";
      # The agent has its own, which counts.
      JEX_HISTORY__AUDIT_HEAD = "%S/jex-web/audit-head.json";
    };
    serviceConfig = import ./hardening.nix // {
      Type = "notify";
      ExecStart = "${cfg.package}/bin/jex-web";
      StateDirectory = "jex-web";
      StateDirectoryMode = "0700";
      # The code to pair a browser with, which only root may read.
      RuntimeDirectory = "jex-web";
      RuntimeDirectoryMode = "0700";
      LoadCredential = cfg.secrets.livekit;
      WatchdogSec = "30s";
      Restart = "always";
      RestartSec = "2s";
      TimeoutStopSec = "5s";
    };
  };
}
