# The agent: listens, thinks, answers.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  credentials = cfg.credentials;
in
{
  options.services.jex.credentials = lib.mkOption {
    type = lib.types.listOf lib.types.str;
    internal = true;
    description = "What the agent and the page's server are given to read, as `LoadCredential` has it.";
  };

  config = lib.mkIf cfg.enable {
    services.jex.credentials =
      if cfg.livekit.mode == "own" then
        map (name: "${name}:${cfg.secrets.directory}/${name}") [
          "livekit-api-key"
          "livekit-api-secret"
        ]
      else
        [
          "livekit-api-key:${cfg.livekit.apiKeyFile}"
          "livekit-api-secret:${cfg.livekit.apiSecretFile}"
        ];

    systemd.services.jex-agent = {
      description = "JEX's agent";
      documentation = [ "https://jex.local" ];
      wantedBy = [ "multi-user.target" ];
      requires = [ "jex-secrets.service" ];
      # It waits for those that are late; nothing here has to be up first.
      wants = [ "network.target" ];
      after = [
        "network.target"
        "jex-secrets.service"
        "livekit.service"
        "ollama.service"
      ];
      environment = {
        JEX_CONFIG = "${cfg.settingsFile}";
        JEX_PARTS = "${pkgs.writeText "parts.toml" "espeak_ng = \"${lib.getExe pkgs.espeak-ng}\"\n"}";
        HOME = "%S/jex-agent";
      }
      // lib.optionalAttrs (cfg.llm.provider != "ollama") cfg.egress.proxyEnvironment;
      serviceConfig = import ./hardening.nix // {
        Type = "notify";
        ExecStart = "${cfg.package}/bin/jex-agent";
        StateDirectory = "jex-agent";
        StateDirectoryMode = "0700";
        LoadCredential =
          credentials ++ lib.optional (cfg.llm.apiKeyFile != null) "llm-api-key:${cfg.llm.apiKeyFile}";
        WatchdogSec = "30s";
        Restart = "always";
        RestartSec = "2s";
        RestartSteps = 5;
        RestartMaxDelaySec = "60s";
        # It says goodbye and lets conversations end.
        TimeoutStopSec = "10s";
      };
    };
  };
}
