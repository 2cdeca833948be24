# The models and voices that the system carries, each pinned by hash, so that they are there on the first boot without any
# network. Speech is always carried; see `carry` for the language model.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.jex;
  pins = pkgs.callPackage ../nix/models { };
  inherit (lib) mkDefault mkOption types;

  file = types.submodule {
    options = {
      url = mkOption {
        type = types.str;
        description = "Where the file is got when the system is built.";
        example = "https://huggingface.co/rhasspy/piper-voices/resolve/v1.0.0/de/de_DE/thorsten/medium/de_DE-thorsten-medium.onnx";
      };
      hash = mkOption {
        type = types.str;
        description = "Hash of the file, as `nix hash file` prints it.";
        example = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
      };
    };
  };
  fetch = file: if lib.isStringLike file then file else pkgs.fetchurl { inherit (file) url hash; };

  # A folder, or the files that it is made of.
  folders = types.attrsOf (types.either types.path (types.attrsOf file));
  fetchFolder =
    name: folder:
    if lib.isStringLike folder then
      folder
    else
      pkgs.linkFarm name (lib.mapAttrs (_: fetch) folder);

  languageModel = types.submodule {
    options = {
      manifest = mkOption {
        type = types.nullOr types.path;
        default = null;
        description = ''
          Manifest of the model in its registry, byte by byte; it names everything else by hash. One line gets it:
          `curl --output mistral-7b.json https://registry.ollama.ai/v2/library/mistral/manifests/7b`.
        '';
        example = lib.literalExpression "./mistral-7b.json";
      };
      gguf = mkOption {
        type = types.nullOr (types.either types.path file);
        default = null;
        description = "The model as one file in GGUF, for a model that is in no registry.";
        example = lib.literalExpression "./my-model.gguf";
      };
      template = mkOption {
        type = types.nullOr types.path;
        default = null;
        description = "What goes between the turns of a conversation, in Ollama's template language. A model from `gguf` needs it.";
        example = lib.literalExpression "./chatml.template";
      };
      parameters = mkOption {
        type = types.attrsOf types.anything;
        default = { };
        description = "Ollama's parameters of a model from `gguf`.";
        example.stop = [ "<|im_end|>" ];
      };
    };
  };
  known = lib.mapAttrs (_: manifest: { inherit manifest; }) pins.manifests // {
    jex-demo = pins.demo;
  };

  thinksHere = cfg.llm.provider == "ollama";
  model = cfg.llm.model;
  # The demo is in no registry.
  carried = cfg.models.carry || model == "jex-demo";
  manifest = (cfg.models.ollama.${model} or known.${model} or { }).manifest or null;
  gibibyte = 1024.0 * 1024 * 1024;
  size = pins.sizeOf manifest / gibibyte;
  tenths = builtins.ceil (size * 10);
  rounded = "${toString (tenths / 10)}.${toString (lib.mod tenths 10)}";
in
{
  options.services.jex.models = {
    whisper = mkOption {
      type = folders;
      default = { };
      apply = lib.mapAttrs fetchFolder;
      description = ''
        Whisper models, as folders in CTranslate2's format (`model.bin`, `config.json`, `tokenizer.json`,
        `vocabulary.txt`), or as the files that such a folder is made of. `base` is there already.
      '';
      example = lib.literalExpression "{ small = ./whisper-small; }";
    };
    voices = mkOption {
      type = folders;
      default = { };
      apply = lib.mapAttrs fetchFolder;
      description = ''
        Piper's voices by name: a folder with `NAME.onnx` and `NAME.onnx.json`, or these two files.
        `en_US-joe-medium` is there already.
      '';
      example = lib.literalExpression "{ de_DE-thorsten-medium = ./voices; }";
    };
    ollama = mkOption {
      type = types.attrsOf languageModel;
      default = { };
      description = "Language models by name, as files of the system. `ollama pull` cannot change such a model.";
      example = lib.literalExpression "{ \"mistral:7b\".manifest = ./mistral-7b.json; }";
    };
    carry = mkOption {
      type = types.bool;
      default = cfg.airGapped;
      defaultText = lib.literalExpression "config.services.jex.airGapped";
      description = ''
        Whether the language model belongs to the system, its image and its installer, as speech does. Otherwise it is
        pulled on the first start. JEX knows the hashes of ${lib.concatStringsSep ", " (builtins.attrNames known)};
        others need an entry in `services.jex.models.ollama`.
      '';
      example = true;
    };

    folders = mkOption {
      type = types.listOf types.path;
      readOnly = true;
      internal = true;
      description = "The language models, each as a part of Ollama's folder.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.jex.models = {
      whisper = lib.mapAttrs (_: mkDefault) pins.whisper;
      voices = lib.mapAttrs (_: mkDefault) pins.voices;
      ollama = lib.mkIf (thinksHere && carried && known ? ${model}) {
        ${model} = lib.mapAttrs (_: mkDefault) known.${model};
      };
      folders = lib.mapAttrsToList (
        name: model:
        if model.manifest != null then
          pins.fromManifest name model.manifest
        else
          pins.fromGguf name {
            gguf = fetch model.gguf;
            inherit (model) template parameters;
          }
      ) cfg.models.ollama;
    };

    assertions = [
      {
        assertion = (cfg.airGapped && thinksHere) -> cfg.models.ollama ? ${model};
        message = "services.jex.airGapped cannot pull services.jex.llm.model, \"${model}\". Choose one whose hashes JEX knows (${lib.concatStringsSep ", " (builtins.attrNames known)}), or describe it in services.jex.models.ollama.";
      }
      {
        assertion =
          (thinksHere && cfg.hardware.vramGiB != null && manifest != null) -> size <= cfg.hardware.vramGiB;
        message = "services.jex.hardware.vramGiB is ${toString cfg.hardware.vramGiB}, but the model ${model} takes ${rounded} GiB. Choose a smaller services.jex.llm.model, or leave vramGiB out: what does not fit is then computed on the processor, slowly.";
      }
    ]
    ++ lib.mapAttrsToList (name: model: {
      assertion =
        if model.manifest != null then model.gguf == null else model.gguf != null && model.template != null;
      message = "services.jex.models.ollama.\"${name}\" needs either a manifest, or a gguf with its template.";
    }) cfg.models.ollama;
  };
}
