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

  services.jex.settings.database.url = "postgres://jex@localhost:5432/jex?host=/run/postgresql";
  # What is deleted in n8n is taken out of its files as well.
  services.jex.settings.n8n.database_url = "postgres://n8n@localhost:5432/n8n?host=/run/postgresql";

  services.postgresql = {
    enable = true;
    # A newer major version needs the owner's `pg_upgrade`, so it never comes by itself.
    package = pkgs.postgresql_17;
    enableTCPIP = false;
    settings = {
      listen_addresses = lib.mkForce "";
      # The words of a conversation belong into no log, and what is deleted leaves the log of changes as well.
      log_statement = "none";
      log_min_duration_statement = -1;
      log_min_error_statement = "panic";
      log_error_verbosity = "terse";
      log_parameter_max_length_on_error = 0;
      wal_recycle = false;
      min_wal_size = "32MB";
    };
    ensureDatabases = [
      "jex"
      "n8n"
    ];
    ensureUsers =
      map
        (name: {
          inherit name;
          ensureDBOwnership = true;
        })
        [
          "jex"
          "n8n"
        ];
    # Units of JEX are users of their own; root is whoever may do everything here anyway.
    identMap = ''
      jex jex-agent jex
      jex jex-supervisor jex
      jex jex-web jex
      jex root jex
      n8n n8n n8n
      n8n jex-agent n8n
    '';
    authentication = ''
      local jex jex peer map=jex
      local n8n n8n peer map=n8n
    '';
  };

  # To forget is to have what was deleted leave the log of changes, too.
  systemd.services.postgresql-setup.script = lib.mkAfter ''
    psql -tAc 'GRANT pg_checkpoint TO jex'
    psql -tA --dbname=jex -c 'GRANT EXECUTE ON FUNCTION pg_switch_wal() TO jex'
  '';
}
