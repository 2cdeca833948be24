# The machine's screen: its name and addresses, what to compare, and how a browser is paired.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
in
lib.mkIf cfg.enable {
  systemd.services.jex-console = {
    description = "What the console says of JEX";
    wantedBy = [ "multi-user.target" ];
    path = [ pkgs.util-linux ];
    environment.NAME = cfg.hostName;
    script = builtins.readFile ./scripts/console-issue;
    serviceConfig = {
      Type = "oneshot";
      ProtectSystem = "strict";
      # agetty reads it from there.
      RuntimeDirectory = "issue.d";
      RuntimeDirectoryPreserve = true;
      # A file there tells it to read again.
      ReadWritePaths = [ "/run" ];
      ProtectHome = true;
      PrivateTmp = true;
      PrivateNetwork = true;
      NoNewPrivileges = true;
    };
  };
  systemd.paths.jex-console = {
    description = "What the console says of JEX";
    wantedBy = [ "multi-user.target" ];
    pathConfig.PathChanged = [
      "/run/jex-web/pairing-address"
      "/run/jex-ca/fingerprint"
    ];
  };
}
