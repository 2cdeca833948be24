# The language model on this machine.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  defaults = import ./settings-defaults.nix { inherit lib; };
  variants = {
    cpu = pkgs.ollama-cpu;
    cuda = pkgs.ollama-cuda;
    rocm = pkgs.ollama-rocm;
    vulkan = pkgs.ollama-vulkan;
  };

  # The registry sends to the second for what is large (ollama/ollama#4307).
  registry = [
    "registry.ollama.ai"
    "dd20bb891979d25aebc8bec07b2b3bbc.r2.cloudflarestorage.com"
  ];

  linkModels = pkgs.writeShellApplication {
    name = "jex-link-models";
    runtimeInputs = [
      pkgs.coreutils
      pkgs.findutils
    ];
    text = builtins.readFile ../nix/models/link.sh;
  };
in
lib.mkIf (cfg.enable && cfg.llm.provider == "ollama") {
  services.jex.settings.llm.port = config.services.ollama.port;

  services.jex.egress = {
    confined = [ "ollama" ];
    routes.ollama = {
      port = 8882;
      hosts = lib.optionals (!cfg.airGapped) registry;
    };
  };

  services.ollama = {
    enable = true;
    package = variants.${cfg.hardware.acceleration};
    host = "127.0.0.1";
    environmentVariables = {
      # Its cloud models would send every word away.
      OLLAMA_NO_CLOUD = "1";
      OLLAMA_NOHISTORY = "1";
      # At its start it would throw away downloads that were broken off.
      OLLAMA_NOPRUNE = "1";
      # Loading takes longer than anyone wants to wait for an answer.
      OLLAMA_KEEP_ALIVE = "-1";
      OLLAMA_MAX_LOADED_MODELS = "1";
      OLLAMA_NUM_PARALLEL = "1";
      # What a conversation's budget counts with.
      OLLAMA_CONTEXT_LENGTH = toString (cfg.settings.llm.context_tokens or defaults.contextTokens);
    };
  };

  systemd.services.ollama = lib.mkMerge [
    {
      serviceConfig = {
        ExecStartPre = lib.escapeShellArgs (
          [
            (lib.getExe linkModels)
            config.services.ollama.models
            builtins.storeDir
          ]
          ++ cfg.models.folders
        );
        # A model may be too large for what is free just now, and the kernel then ends Ollama.
        Restart = "always";
        RestartSec = "2s";
      };
    }
    (lib.mkIf (cfg.hardware.acceleration == "cuda") {
      # nvidia_uvm loads late; Ollama would settle for the processor.
      wants = [ "nvidia-persistenced.service" ];
      after = [
        "nvidia-persistenced.service"
        "systemd-modules-load.service"
      ];
    })
  ];
}
