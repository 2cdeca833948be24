# Coqui speaks, where the owner prefers it to Piper: more voices and languages, for more computing.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  cfg = config.services.jex;
  inherit (lib) mkForce mkOption types;
  defaults = import ./settings-defaults.nix { inherit lib; };
  cuda = cfg.speech.coquiDevice == "cuda";

  model = "${cfg.speech.coquiModel}";
  downloads = !lib.hasPrefix "/" model;
  is = lib.flip lib.hasInfix model;
  xtts = downloads && is "xtts";
  # Those of which it is known by their names.
  severalSpeakers = downloads && (xtts || is "your_tts" || is "/vctk/");

  # Where `TTS/utils/manage.py` and `TTS/.models.json` of 0.26.2 get a model and its vocoder; the second and third are where
  # GitHub keeps the files of a release.
  hosts =
    if is "fairseq" then
      [ "dl.fbaipublicfiles.com" ]
    else if xtts || is "/bark" || is "/fa/custom/vits" then
      import ./hugging-face.nix
    else
      [
        "github.com"
        "objects.githubusercontent.com"
        "release-assets.githubusercontent.com"
      ];

  # nixpkgs builds PyTorch without CUDA.
  python = pkgs.python3.override {
    self = python;
    packageOverrides = _: previous: {
      torch = previous.torch.override {
        triton = previous.triton-cuda;
        cudaSupport = true;
        rocmSupport = false;
      };
    };
  };
  tts = if cuda then pkgs.tts.override { python3 = python; } else pkgs.tts;
  withTts = tts.python3.withPackages (packages: [ (packages.toPythonModule tts) ]);
in
{
  options.services.jex.speech = {
    coquiModel = mkOption {
      type = types.either types.str types.path;
      default = "tts_models/en/ljspeech/vits";
      description = ''
        Coqui's model, where `services.jex.tts.provider` is `"coqui"`: a name, as `tts-server --list_models` shows them, or a
        folder with `model.pth` and `config.json` of a model that needs no vocoder, such as VITS. A name is downloaded on
        first use, from GitHub or Hugging Face.

        A model of several speakers needs one of them in `services.jex.settings.tts.voice`. Mind the licenses: the weights of
        XTTS and YourTTS and those by Fairseq are for non-commercial use only.
      '';
      example = "tts_models/de/thorsten/vits";
    };
    coquiDevice = mkOption {
      type = types.enum [
        "cpu"
        "cuda"
      ];
      default = "cpu";
      description = "What Coqui speaks on. XTTS is too slow for a conversation without a card. For CUDA, PyTorch is compiled when the system is built, which takes hours unless a cache has it.";
      example = "cuda";
    };
    coquiNonCommercial = mkOption {
      type = types.bool;
      default = false;
      description = "Whether you agree to the Coqui Public Model License, under which XTTS comes: no commercial use of the model or of what it says. XTTS is downloaded only then.";
      example = true;
    };
  };

  config = lib.mkIf (cfg.enable && cfg.tts.provider == "coqui") {
    services.jex.egress = {
      confined = [ "tts-jex" ];
      routes.tts-jex = {
        port = 8889;
        hosts = lib.optionals downloads hosts;
      };
    };

    assertions = [
      {
        assertion = cfg.airGapped -> !downloads;
        message = "services.jex.airGapped cannot download services.jex.speech.coquiModel, \"${model}\". Name a folder with its model.pth and config.json, such as \"/var/lib/jex/voices/thorsten\", or choose Piper: services.jex.tts.provider = \"wyoming\".";
      }
      {
        assertion =
          let
            language = builtins.match "tts_models/([a-z]{2,3})([_-][^/]*)?/.*" model;
          in
          (language != null && !is "fairseq") -> builtins.head language == cfg.speech.language;
        message = "services.jex.speech.language is \"${cfg.speech.language}\", but services.jex.speech.coquiModel is \"${model}\", which speaks another. Choose a model of that language, such as \"tts_models/de/thorsten/vits\" for \"de\".";
      }
      {
        assertion = xtts -> cfg.speech.coquiNonCommercial;
        message = "services.jex.speech.coquiModel is \"${model}\", whose license forbids commercial use. Read it at https://huggingface.co/coqui/XTTS-v2/blob/main/LICENSE.txt, then set services.jex.speech.coquiNonCommercial to true, or choose another model.";
      }
      {
        assertion = severalSpeakers -> (cfg.settings.tts.voice or "") != "";
        message = "services.jex.speech.coquiModel is \"${model}\", which has several speakers. Name one in services.jex.settings.tts.voice, such as \"Ana Florence\" for XTTS, or \"p225\" for vctk.";
      }
      {
        assertion = cuda -> cfg.hardware.acceleration == "cuda";
        message = "services.jex.speech.coquiDevice is \"cuda\", but the machine has no CUDA. Set services.jex.hardware.acceleration to \"cuda\", or the device to \"cpu\".";
      }
    ];

    services.tts.servers.jex = {
      enable = true;
      port = defaults.coquiPort;
      model = if downloads then model else null;
    };
    systemd.services.tts-jex = {
      # Not after network-online.target, which an air-gapped machine may never reach.
      after = mkForce ([ "network.target" ] ++ lib.optional cuda "nvidia-persistenced.service");
      environment = {
        HF_HUB_DISABLE_TELEMETRY = "1";
        PYTHONUNBUFFERED = "1";
      }
      // lib.optionalAttrs (!downloads) { HF_HUB_OFFLINE = "1"; }
      // lib.optionalAttrs (xtts && cfg.speech.coquiNonCommercial) { COQUI_TOS_AGREED = "1"; }
      // lib.optionalAttrs cuda { LD_LIBRARY_PATH = "/run/opengl-driver/lib"; };
      serviceConfig = {
        # The server of nixpkgs listens on every address.
        ExecStart = mkForce (
          utils.escapeSystemdExecArgs (
            [
              "${withTts}/bin/python"
              ./scripts/coqui_for_conversation.py
              "--port=${toString defaults.coquiPort}"
              "--device=${cfg.speech.coquiDevice}"
            ]
            ++ (
              if downloads then
                [ "--model_name=${model}" ]
              else
                [
                  "--model_path=${model}/model.pth"
                  "--config_path=${model}/config.json"
                ]
            )
          )
        );
        Restart = "always";
        RestartSec = "2s";
        RestartSteps = 5;
        RestartMaxDelaySec = "60s";
      }
      // lib.optionalAttrs cuda {
        PrivateDevices = mkForce false;
        # That of nixpkgs lacks the first card, and its names of nodes need not be there yet.
        DeviceAllow = mkForce (import ./nvidia-devices.nix);
        # /proc/driver/nvidia.
        ProcSubset = mkForce "all";
      };
    };
  };
}
