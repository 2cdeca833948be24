# Whisper listens and Piper speaks, each behind the Wyoming protocol on loopback.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  inherit (lib) mkOption types;
  name = cfg.settings.assistant.name or "JEX";
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
      default = "base-int8";
      description = "Whisper model: a name, which is downloaded on first start, or a folder, which never is.";
      example = "small-int8";
    };
    whisperDevice = mkOption {
      type = types.enum [
        "cpu"
        "cuda"
      ];
      default = "cpu";
      description = "What speech is recognised on. CUDA needs a ctranslate2 that is built with it, hours of compiling.";
      example = "cuda";
    };
    voice = mkOption {
      type = types.str;
      default = "en_US-ryan-medium";
      description = "Piper's voice.";
      example = "de_DE-thorsten-medium";
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        services.jex.settings.assistant.language = cfg.speech.language;
        services.jex.egress = {
          confined = [ "wyoming-faster-whisper-jex" ];
          routes.wyoming-faster-whisper-jex.port = 8885;
        };
        services.wyoming.faster-whisper.servers.jex = {
          enable = true;
          uri = "tcp://127.0.0.1:10300";
          model = toString cfg.speech.whisperModel;
          inherit (cfg.speech) language;
          device = cfg.speech.whisperDevice;
          sttLibrary = "faster-whisper";
          beamSize = 5;
          # It goes by the grammar then; see `stt.prompt` in jex.toml.
          initialPrompt = lib.mkIf (cfg.speech.language == "en") "Hello ${name}, how are you? I am fine, thank you.";
          zeroconf.enable = false;
        };
        systemd.services.wyoming-faster-whisper-jex = {
          environment = {
            HF_HUB_DISABLE_TELEMETRY = "1";
            ORT_DISABLE_TELEMETRY = "1";
          };
        };
      }
      (lib.mkIf (cfg.tts.provider == "wyoming") {
        services.wyoming.piper.package = pkgs.wyoming-piper.override {
          # The default drags in what voices are trained with: torch, lightning, tensorboard.
          piper-tts = pkgs.piper-tts.override {
            withTrain = false;
            withAlignment = false;
          };
        };
        services.wyoming.piper.servers.jex = {
          enable = true;
          uri = "tcp://127.0.0.1:10200";
          inherit (cfg.speech) voice;
          noiseWidth = 0.333;
          lengthScale = 1.1;
          zeroconf.enable = false;
        };
        services.jex.egress = {
          confined = [ "wyoming-piper-jex" ];
          routes.wyoming-piper-jex.port = 8886;
        };
        systemd.services.wyoming-piper-jex.environment.ORT_DISABLE_TELEMETRY = "1";
      })
    ]
  );
}
