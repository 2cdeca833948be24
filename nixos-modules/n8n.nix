# The owner's workflows. Its editor is reached by an SSH tunnel; nothing of it calls out by itself.
{ config, lib, ... }:
let
  cfg = config.services.jex;
  inherit (cfg.secrets) directory;
in
lib.mkIf cfg.enable {
  services.jex.egress = {
    confined = [
      "n8n"
      "n8n-task-runner"
    ];
    routes.n8n = {
      port = 8883;
      inherit (cfg.egress) hosts;
    };
  };

  services.jex.secrets.names = {
    # Without it every credential that is stored in n8n is lost: it belongs into a backup.
    n8n-encryption-key = 43;
    n8n-runners-token = 43;
  };

  services.n8n = {
    enable = true;
    openFirewall = false;
    environment = {
      DB_TYPE = "postgresdb";
      DB_POSTGRESDB_HOST = "/run/postgresql";
      DB_POSTGRESDB_USER = "n8n";
      DB_POSTGRESDB_DATABASE = "n8n";

      N8N_LISTEN_ADDRESS = "127.0.0.1";
      N8N_PORT = 5678;
      # By the tunnel it is plain HTTP on the owner's own machine.
      N8N_SECURE_COOKIE = false;
      N8N_BLOCK_ENV_ACCESS_IN_NODE = true;
      N8N_ENCRYPTION_KEY_FILE = "${directory}/n8n-encryption-key";
      N8N_RUNNERS_AUTH_TOKEN_FILE = "${directory}/n8n-runners-token";

      N8N_DIAGNOSTICS_ENABLED = false;
      N8N_VERSION_NOTIFICATIONS_ENABLED = false;
      N8N_TEMPLATES_ENABLED = false;
      N8N_COMMUNITY_PACKAGES_ENABLED = false;
      N8N_PERSONALIZATION_ENABLED = false;
      N8N_HIRING_BANNER_ENABLED = false;
      N8N_LICENSE_AUTO_RENEW_ENABLED = false;
    };
    taskRunners.enable = true;
  };

  systemd.services.n8n = {
    requires = [
      "postgresql.target"
      "jex-secrets.service"
    ];
    after = [
      "postgresql.target"
      "jex-secrets.service"
    ];
  };
}
