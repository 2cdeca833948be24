# The page's server, on loopback, behind Caddy.
{ config, lib, ... }:
let
  cfg = config.services.jex;
in
lib.mkIf cfg.enable {
  systemd.services.jex-web = {
    description = "JEX's page";
    wantedBy = [ "multi-user.target" ];
    requires = [ "jex-secrets.service" ];
    after = [
      "network.target"
      "jex-secrets.service"
    ];
    environment = {
      JEX_CONFIG = "${cfg.settingsFile}";
      HOME = "%S/jex-web";
    };
    serviceConfig = import ./hardening.nix // {
      Type = "notify";
      ExecStart = "${cfg.package}/bin/jex-web";
      StateDirectory = "jex-web";
      StateDirectoryMode = "0700";
      LoadCredential = cfg.credentials;
      WatchdogSec = "30s";
      Restart = "always";
      RestartSec = "2s";
      TimeoutStopSec = "5s";
    };
  };
}
