# The agent: listens, thinks, answers.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  hardening = import ./hardening.nix;
  cloudMedia = cfg.livekit.mode == "cloud";
in
{
  config = lib.mkIf cfg.enable {
    services.jex.egress = {
      # WebRTC finds its own ways, to addresses that nobody knows beforehand.
      confined = lib.optional (!cloudMedia) "jex-agent";
      routes.jex-agent = {
        port = 8881;
        hosts = lib.optional (
          cfg.llm.host != null && !builtins.elem cfg.llm.host cfg.egress.lan
        ) cfg.llm.host;
      };
    };
    warnings = lib.optional cloudMedia ''
      services.jex.livekit.mode is "cloud": every word goes through ${cfg.livekit.url}, and jex-agent may reach any address.
    '';

    # Also where `jex history`, as root, finds them.
    services.jex.settings.history = {
      journal = "/var/lib/jex-agent/journal";
      audit_head = "/var/lib/jex-agent/audit-head.json";
    };

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
        # It stops before that does, and has written everything by then.
        "postgresql.target"
      ];
      environment = {
        JEX_CONFIG = "${cfg.settingsFile}";
        JEX_PARTS = "${cfg.partsFile}";
        HOME = "%S/jex-agent";
      };
      serviceConfig = hardening // {
        Type = "notify";
        ExecStart = "${cfg.package}/bin/jex-agent";
        # It asks the kernel which addresses it has, to offer them for media.
        RestrictAddressFamilies = hardening.RestrictAddressFamilies ++ [ "AF_NETLINK" ];
        # n8n's API key is there.
        SupplementaryGroups = [ "jex-n8n" ];
        StateDirectory = "jex-agent";
        StateDirectoryMode = "0700";
        LoadCredential =
          cfg.secrets.livekit
          ++ map (name: "${name}:${cfg.secrets.directory}/${name}") [
            "n8n-webhook-token"
            "announce-token"
          ]
          ++ lib.optional (cfg.llm.apiKeyFile != null) "llm-api-key:${cfg.llm.apiKeyFile}";
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
