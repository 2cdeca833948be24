# The owner's workflows. Its editor is reached by an SSH tunnel; nothing of it calls out by itself.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  inherit (cfg.secrets) directory;
  # What JEX keeps of it, for the supervisor to write and the agent to read.
  shared = "/var/lib/jex-n8n";
  port = 5678;
  defaults = import ./settings-defaults.nix { inherit lib; };
in
{
  options.services.jex = {
    n8n.workflows = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = ../workflows;
      defaultText = lib.literalMD "the `workflows/` that come with JEX";
      description = ''
        Folder of the workflows that JEX brings into n8n and publishes there. One that you change, switch off or delete in
        n8n stays so. `null`: none.
      '';
      example = lib.literalExpression "./workflows";
    };
    tools.policy = lib.mkOption {
      type = lib.types.attrsOf (
        lib.types.enum [
          "allow"
          "ask"
          "never"
        ]
      );
      default = { };
      description = ''
        What happens when the model wants to call a tool, by the tool's name. One that is not named is asked for, unless it
        came with JEX and only reads. A tool of an MCP server is allowed by that server's own `policy` only.
      '';
      example = {
        take_note = "allow";
        home_control = "never";
      };
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = builtins.all (server: (server.command or [ ]) == [ ]) (cfg.settings.tools.mcp or [ ]);
        message = "services.jex.settings.tools.mcp has a server with a `command`, but JEX's agent may start no programs on this machine. Declare it as a unit of its own (systemd.services) that listens on 127.0.0.1, and name its `url`.";
      }
    ];

    services.jex.settings = {
      n8n = {
        inherit port;
        broker_port = 5679;
        folder = shared;
        owner_password_file = "${directory}/n8n-owner-password";
      };
      tools = lib.mkIf (cfg.tools.policy != { }) { inherit (cfg.tools) policy; };
    };
    services.jex.backup.paths = [ shared ];
    users.groups.jex-n8n = { };
    systemd.tmpfiles.rules = [
      "d ${shared} 2770 root jex-n8n"
      # What a backup of another machine brought belongs to whatever had that number there.
      "Z ${shared} - - jex-n8n"
    ];

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
      n8n-owner-password = 43;
      # By which webhooks know JEX, and JEX a workflow that wants something said.
      n8n-webhook-token = 43;
      announce-token = 43;
    };

    services.n8n = {
      enable = true;
      openFirewall = false;
      environment = defaults.n8nSilent // {
        DB_TYPE = "postgresdb";
        DB_POSTGRESDB_HOST = "/run/postgresql";
        DB_POSTGRESDB_USER = "n8n";
        DB_POSTGRESDB_DATABASE = "n8n";

        N8N_LISTEN_ADDRESS = "127.0.0.1";
        N8N_HOST = "127.0.0.1";
        N8N_PORT = port;
        WEBHOOK_URL = "http://127.0.0.1:${toString port}/";
        # There is an owner from the beginning, and no page to become one.
        N8N_INSTANCE_OWNER_MANAGED_BY_ENV = true;
        N8N_INSTANCE_OWNER_EMAIL = "owner@jex.local";
        N8N_INSTANCE_OWNER_FIRST_NAME = "Owner";
        N8N_INSTANCE_OWNER_LAST_NAME = "of JEX";
        N8N_INSTANCE_OWNER_PASSWORD_HASH_FILE = "${directory}/n8n-owner-password-hash";
        # By the tunnel it is plain HTTP on the owner's own machine.
        N8N_SECURE_COOKIE = false;
        N8N_BLOCK_ENV_ACCESS_IN_NODE = true;
        N8N_BLOCK_FILE_ACCESS_TO_N8N_FILES = true;
        N8N_ENCRYPTION_KEY_FILE = "${directory}/n8n-encryption-key";
        N8N_RUNNERS_AUTH_TOKEN_FILE = "${directory}/n8n-runners-token";
      };
      taskRunners.enable = true;
    };

    systemd.services.n8n = {
      requires = [
        "postgresql.target"
        "jex-secrets.service"
        "jex-n8n-owner.service"
      ];
      after = [
        "postgresql.target"
        "jex-secrets.service"
        "jex-n8n-owner.service"
      ];
    };

    systemd.services.jex-n8n-owner = {
      description = "What n8n is told of its owner's password";
      requires = [ "jex-secrets.service" ];
      after = [ "jex-secrets.service" ];
      path = [
        cfg.package
        pkgs.coreutils
      ];
      environment = {
        JEX_CONFIG = "${cfg.settingsFile}";
        HOME = "/run/jex-n8n-owner";
      };
      # n8n reads it to the last character: the end of a line would be one of the hash.
      script = ''
        umask 077
        hash=$(jex n8n password-hash)
        printf %s "$hash" >${directory}/.n8n-owner-password-hash
        sync ${directory}/.n8n-owner-password-hash
        mv ${directory}/.n8n-owner-password-hash ${directory}/n8n-owner-password-hash
      '';
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        RuntimeDirectory = "jex-n8n-owner";
        ProtectSystem = "strict";
        ReadWritePaths = directory;
        PrivateNetwork = true;
        ProtectHome = true;
      };
    };
  };
}
