# The supervisor: gets the model on the first start, warms up what is slow at first, and tells how everything is
# (`jex status`). The units themselves are started and stopped by systemd.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  cfg = config.services.jex;
  inherit (config.services) n8n ollama postgresql;
  arguments = [
    "${cfg.package}/bin/jex-supervisor"
    "--address=https://${cfg.hostName}"
    "--n8n=http://127.0.0.1:${toString n8n.environment.N8N_PORT}/healthz"
    "--postgresql=/run/postgresql/.s.PGSQL.${toString postgresql.settings.port}"
  ]
  ++ lib.optionals (cfg.llm.provider == "ollama") (
    [ "--models=${ollama.models}" ] ++ lib.optional (cfg.hardware.acceleration == "cpu") "--in-memory"
  );
in
lib.mkIf cfg.enable {
  services.jex.settings.llm.download = lib.mkIf cfg.airGapped false;
  services.jex.egress = {
    confined = [ "jex-supervisor" ];
    # It asks how large a model is before Ollama gets it.
    routes.jex-supervisor = {
      port = 8884;
      hosts =
        lib.optional (cfg.llm.provider == "ollama" && !cfg.airGapped) "registry.ollama.ai"
        # And whether those that the owner chose elsewhere answer.
        ++ (cfg.egress.routes.jex-agent.hosts)
        ++ lib.optional (cfg.livekit.mode == "cloud" && cfg.livekit.host != null) cfg.livekit.host;
    };
  };

  # Whoever may ask it.
  users.groups.jex = { };
  users.users.${cfg.owner.name}.extraGroups = [ "jex" ];

  systemd.services.jex-supervisor = {
    description = "JEX's supervisor";
    documentation = [ "https://${cfg.hostName}" ];
    wantedBy = [ "multi-user.target" ];
    requires = [ "jex-secrets.service" ];
    # It waits for those that are late; nothing else has to be up first.
    after = [
      "network.target"
      "jex-secrets.service"
    ];
    environment = {
      JEX_CONFIG = "${cfg.settingsFile}";
      # What Whisper is given to hear first.
      JEX_PARTS = "${cfg.partsFile}";
      HOME = "%S/jex-supervisor";
    };
    serviceConfig = import ./hardening.nix // {
      Type = "notify";
      ExecStart = utils.escapeSystemdExecArgs arguments;
      Group = "jex";
      RuntimeDirectory = "jex-supervisor";
      RuntimeDirectoryMode = "0755";
      StateDirectory = "jex-supervisor";
      StateDirectoryMode = "0700";
      # It keeps there what it knows of n8n.
      SupplementaryGroups = [ "jex-n8n" ];
      ReadWritePaths = [ cfg.settings.n8n.folder ];
      LoadCredential =
        lib.optional (cfg.livekit.mode == "own") "redis-password:${cfg.secrets.directory}/redis-password"
        ++ map (name: "${name}:${cfg.secrets.directory}/${name}") [
          "n8n-owner-password"
          "n8n-webhook-token"
          "announce-token"
        ];
      # How much memory is free, before a model is loaded.
      ProcSubset = "all";
      WatchdogSec = "30s";
      Restart = "always";
      RestartSec = "2s";
      TimeoutStopSec = "5s";
    };
  };
}
