# Whisper listens and Piper speaks, each behind the Wyoming protocol on loopback.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  cfg = config.services.jex;
  inherit (lib) mkOption types;
  inherit (cfg) settings;
  defaults = import ./settings-defaults.nix { inherit lib; };
  cuda = cfg.speech.whisperDevice == "cuda";

  # What is downloaded on first use: a model or voice that is neither in the system nor a folder.
  model = toString cfg.speech.whisperModel;
  pinnedModel = cfg.models.whisper.${model} or null;
  downloadsModel = pinnedModel == null && !lib.hasPrefix "/" model;
  voice = cfg.speech.voice;
  pinnedVoice = cfg.models.voices.${voice} or null;
  speaks = cfg.tts.provider == "wyoming";
  downloadsVoice = speaks && pinnedVoice == null;

  # Text before the first word: names, and whole sentences, after which Whisper goes by the grammar.
  prompt =
    let
      own = lib.trim (settings.stt.prompt or "");
      packaged = model == "base" && cfg.speech.language == "en";
    in
    if own != "" then
      own
    else if packaged then
      defaults.prompt
    else
      null;
  fill =
    builtins.replaceStrings
      [ "{name}" "{language}" ]
      [
        (settings.assistant.name or defaults.assistantName)
        cfg.speech.language
      ];

  # nixpkgs builds ctranslate2 without CUDA. Only it and the two packages above it are built anew.
  python = pkgs.python3.override {
    self = python;
    packageOverrides = _: previous: {
      ctranslate2 =
        (previous.ctranslate2.override {
          ctranslate2-cpp = pkgs.ctranslate2.override { withCUDA = true; };
        }).overridePythonAttrs
          { doCheck = false; };
    };
  };
  whisper =
    if cuda then
      pkgs.wyoming-faster-whisper.override { python3Packages = python.pkgs; }
    else
      pkgs.wyoming-faster-whisper;
  withWhisper = (if cuda then python else pkgs.python3).withPackages (packages: [
    (packages.toPythonModule whisper)
  ]);

  listen = pkgs.writeShellScript "jex-whisper" ''
    # More threads than processors are slower, and more than four make a short utterance no faster.
    processors=$(${lib.getExe' pkgs.coreutils "nproc"})
    exec ${withWhisper}/bin/python ${../parts/speech/whisper_for_conversation.py} \
      --cpu-threads $((processors < 4 ? processors : 4)) "$@"
  '';

  offline = {
    HF_HUB_DISABLE_TELEMETRY = "1";
    ORT_DISABLE_TELEMETRY = "1";
  };
  # A model that is not there is an error then, never a download.
  unless = downloads: lib.optionalAttrs (!downloads) { HF_HUB_OFFLINE = "1"; };
  huggingFace = import ./hugging-face.nix;
in
{
  options.services.jex.speech = {
    language = mkOption {
      type = types.str;
      default = "en";
      description = "Language that is spoken, as a code of two letters.";
      example = "de";
    };
    whisperModel = mkOption {
      type = types.either types.str types.path;
      default = "base";
      description = ''
        Whisper model: a name in `services.jex.models.whisper`, or a folder on the machine. Any other name is
        downloaded from Hugging Face on first use.
      '';
      example = "small-int8";
    };
    whisperDevice = mkOption {
      type = types.enum [
        "cpu"
        "cuda"
      ];
      default = "cpu";
      description = "What speech is recognised on. For CUDA, ctranslate2 is compiled when the system is built, about half an hour.";
      example = "cuda";
    };
    voice = mkOption {
      type = types.str;
      default = "en_US-joe-medium";
      description = ''
        Piper's voice: a name in `services.jex.models.voices`. Any other voice of Piper's is downloaded from Hugging Face on
        first use.
      '';
      example = "de_DE-thorsten-medium";
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        services.jex.settings = {
          assistant.language = cfg.speech.language;
          # `jex` wants to know that there is one for the language; the units below have it.
          stt.model = model;
          tts.voice = lib.mkIf speaks voice;
        };
        services.jex.egress = {
          confined = [ "wyoming-faster-whisper-jex" ];
          routes.wyoming-faster-whisper-jex = {
            port = 8885;
            hosts = lib.optionals downloadsModel huggingFace;
          };
        };

        assertions = [
          {
            assertion = cfg.airGapped -> !downloadsModel;
            message = "services.jex.airGapped cannot download services.jex.speech.whisperModel, \"${model}\". Choose \"base\", which is in the system, or describe yours in services.jex.models.whisper.";
          }
          {
            assertion = cfg.airGapped -> !downloadsVoice;
            message = "services.jex.airGapped cannot download services.jex.speech.voice, \"${voice}\". Choose \"en_US-joe-medium\", which is in the system, or describe yours in services.jex.models.voices.";
          }
          {
            assertion =
              let
                language = builtins.match "([a-z]+)_[A-Z]+-.*" voice;
              in
              (speaks && language != null) -> builtins.head language == cfg.speech.language;
            message = "services.jex.speech.language is \"${cfg.speech.language}\", but services.jex.speech.voice is \"${voice}\", which speaks another. Choose a voice of that language, such as \"de_DE-thorsten-medium\" for \"de\".";
          }
        ];

        # The unit of nixpkgs knows neither our script nor CUDA.
        systemd.services.wyoming-faster-whisper-jex = {
          description = "Whisper, which writes down what is said";
          wantedBy = [ "multi-user.target" ];
          after = [
            "network.target"
          ]
          ++ lib.optional cuda "nvidia-persistenced.service";
          environment =
            offline
            // {
              # Plain HTTPS goes through the proxy.
              HF_HUB_DISABLE_XET = "1";
              HF_HOME = "%S/wyoming/faster-whisper";
              HOME = "%S/wyoming/faster-whisper";
              PYTHONUNBUFFERED = "1";
            }
            // unless downloadsModel
            // lib.optionalAttrs cuda { LD_LIBRARY_PATH = "/run/opengl-driver/lib"; };
          serviceConfig =
            import ./hardening.nix
            // {
              User = "wyoming-faster-whisper";
              StateDirectory = "wyoming/faster-whisper";
              StateDirectoryMode = "0700";
              ExecStart = utils.escapeSystemdExecArgs (
                [
                  listen
                  "--uri=tcp://127.0.0.1:${toString (settings.stt.port or 10300)}"
                  "--model=${if pinnedModel == null then model else "${pinnedModel}"}"
                  "--data-dir=/var/lib/wyoming/faster-whisper"
                  "--language=${cfg.speech.language}"
                  "--stt-library=faster-whisper"
                  "--device=${cfg.speech.whisperDevice}"
                  "--compute-type=${if cuda then "int8_float16" else "int8"}"
                  "--beam-size=5"
                  # Without it, noise is given the 30 s that Whisper thinks in, and comes back as words.
                  "--vad-filter"
                ]
                ++ lib.optional (prompt != null) "--initial-prompt=${fill prompt}"
              );
              Restart = "always";
              RestartSec = "2s";
              RestartSteps = 5;
              RestartMaxDelaySec = "60s";
              # onnxruntime, which finds the speech in a recording, and CUDA compile at run time.
              MemoryDenyWriteExecute = false;
              # /proc/cpuinfo and /proc/driver/nvidia.
              ProcSubset = "all";
              SystemCallFilter = [
                "@system-service"
                "~@privileged"
              ];
            }
            // lib.optionalAttrs cuda {
              PrivateDevices = false;
              DeviceAllow = import ./nvidia-devices.nix;
            };
        };
      }

      (lib.mkIf speaks {
        services.jex.egress = {
          confined = [ "wyoming-piper-jex" ];
          routes.wyoming-piper-jex = {
            port = 8886;
            hosts = lib.optionals downloadsVoice huggingFace;
          };
        };
        services.wyoming.piper.package = pkgs.wyoming-piper.override {
          # The default drags in what voices are trained with: torch, lightning, tensorboard.
          piper-tts = pkgs.piper-tts.override {
            withTrain = false;
            withAlignment = false;
          };
        };
        services.wyoming.piper.servers.jex = {
          enable = true;
          uri = "tcp://127.0.0.1:${toString (settings.tts.port or 10200)}";
          inherit voice;
          lengthScale = 100.0 / (settings.tts.speed_percent or defaults.speedPercent);
          noiseScale = defaults.noise;
          noiseWidth = defaults.noise;
          # The processor is faster than needed, and the unit sees no card.
          useCUDA = false;
          zeroconf.enable = false;
          extraArgs = lib.optionals (pinnedVoice != null) [
            "--data-dir"
            "${pinnedVoice}"
          ];
        };
        systemd.services.wyoming-piper-jex = {
          environment = offline // unless downloadsVoice;
          serviceConfig = {
            Restart = "always";
            RestartSec = "2s";
          };
        };
      })
    ]
  );
}
