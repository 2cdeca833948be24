# One PostgreSQL for n8n and for JEX: by unix socket, each as itself, no password anywhere.
{
  config,
  lib,
  pkgs,
  ...
}:
lib.mkIf config.services.jex.enable {
  services.jex.egress.confined = [
    "postgresql"
    "postgresql-setup"
  ];

  services.postgresql = {
    enable = true;
    # A newer major version needs the owner's `pg_upgrade`, so it never comes by itself.
    package = pkgs.postgresql_17;
    enableTCPIP = false;
    settings.listen_addresses = lib.mkForce "";
    ensureDatabases = [ "n8n" ];
    ensureUsers = [
      {
        name = "n8n";
        ensureDBOwnership = true;
      }
    ];
  };
}
