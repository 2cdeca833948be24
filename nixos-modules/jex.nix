# What kind of JEX this is. A tier is the few values here; the settings file follows from them.
{
  config,
  lib,
  pkgs,
  jexPackages,
  ...
}:
let
  cfg = config.services.jex;
  toml = pkgs.formats.toml { };
  own = jexPackages.${pkgs.stdenv.hostPlatform.system};
  inherit (lib) mkOption mkEnableOption types;

  # Host name in an address, if it is another machine.
  hostOf =
    url:
    let
      parts = if url == null then null else builtins.match "[a-z]+://([^/:]+|\\[[^]]*]).*" url;
      host = builtins.head parts;
      isHere = builtins.match "localhost|127\\.[0-9.]+|\\[::1]" host != null;
    in
    mkOption {
      type = types.nullOr types.str;
      readOnly = true;
      internal = true;
      default = if parts == null || isHere then null else host;
      description = "Host name in `url`, if it is another machine.";
    };

  keyFile =
    of: example:
    mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      description = "File on the machine with ${of}, readable by root alone. Never a path of the Nix store, which everyone can read.";
      inherit example;
    };
in
{
  options.services.jex = {
    enable = mkEnableOption "JEX, a private voice assistant, with everything that it needs";

    package = mkOption {
      type = types.package;
      default = own.jex;
      defaultText = lib.literalMD "`jex` of this flake";
      description = "The programs of JEX: `jex`, `jex-agent`, `jex-web`, `jex-supervisor`, `jex-mcp-launcher`.";
      example = lib.literalExpression "pkgs.jex";
    };

    page = mkOption {
      type = types.package;
      default = own.jex-page;
      defaultText = lib.literalMD "`jex-page` of this flake";
      description = "The exported page.";
      example = lib.literalExpression "pkgs.jex-page";
    };

    hostName = mkOption {
      type = types.str;
      default = "jex.local";
      description = "Name under which the page is opened. A name that ends in `.local` is announced by avahi.";
      example = "jex.example.org";
    };

    airGapped = mkOption {
      type = types.bool;
      default = false;
      description = "Whether nothing may ever leave the local network: no model download, no public time server, no update.";
      example = true;
    };

    llm = {
      provider = mkOption {
        type = types.enum [
          "ollama"
          "openai-compatible"
        ];
        default = "ollama";
        description = "Who thinks: Ollama on this machine, or a server with OpenAI's streaming chat API.";
        example = "openai-compatible";
      };
      model = mkOption {
        type = types.str;
        default = "llama3.1:8b";
        description = "Name of the model. Ollama pulls it on first start, unless it is pinned in `services.jex.models.ollama`.";
        example = "gpt-4o-mini";
      };
      url = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Base address of the OpenAI-compatible server, with `/v1`.";
        example = "https://api.openai.com/v1";
      };
      host = hostOf cfg.llm.url;
      apiKeyFile = keyFile "the server's API key" "/var/lib/jex/keys/llm";
    };

    stt.provider = mkOption {
      type = types.enum [ "wyoming" ];
      default = "wyoming";
      description = "Who listens: Whisper on this machine, behind the Wyoming protocol.";
      example = "wyoming";
    };

    tts.provider = mkOption {
      type = types.enum [
        "wyoming"
        "coqui"
        "espeak-ng"
      ];
      default = "wyoming";
      description = "Who speaks: Piper on this machine behind the Wyoming protocol, Coqui on this machine (see `services.jex.speech.coquiModel`), or espeak-ng, robotic but tiny.";
      example = "espeak-ng";
    };

    livekit = {
      mode = mkOption {
        type = types.enum [
          "own"
          "cloud"
        ];
        default = "own";
        description = "Whose media server: this machine's, or LiveKit Cloud, through which every word then goes.";
        example = "cloud";
      };
      url = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Address of the project at LiveKit Cloud.";
        example = "wss://example.livekit.cloud";
      };
      host = hostOf cfg.livekit.url;
      apiKeyFile = keyFile "the project's API key" "/var/lib/jex/keys/livekit-api-key";
      apiSecretFile = keyFile "the project's API secret" "/var/lib/jex/keys/livekit-api-secret";
    };

    settings = mkOption {
      type = types.submodule { freeformType = toml.type; };
      default = { };
      description = ''
        Settings of JEX, as in `jex.toml`; `jex config show` lists all of them. What the options of this module decide is
        filled in.
      '';
      example = {
        assistant.name = "Ada";
        conversation.endpointing_ms = 500;
      };
    };

    settingsFile = mkOption {
      type = types.path;
      readOnly = true;
      internal = true;
      default =
        let
          file = toml.generate "jex.toml" cfg.settings;
          runsHere = pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform;
        in
        # What JEX would refuse when it starts is refused when the system is built.
        if runsHere then
          pkgs.runCommand "jex.toml" { nativeBuildInputs = [ cfg.package ]; } ''
            HOME=$TMPDIR jex config check ${file}
            cp ${file} $out
          ''
        else
          file;
      description = "The settings as a file.";
    };

    partsFile = mkOption {
      type = types.path;
      readOnly = true;
      internal = true;
      default = pkgs.writeText "parts.toml" ''
        espeak_ng = "${lib.getExe pkgs.espeak-ng}"
        ${lib.optionalString (cfg.n8n.workflows != null) "workflows = \"${cfg.n8n.workflows}\""}
      '';
      description = "Where programs are that the units start by themselves.";
    };
  };

  config = lib.mkIf cfg.enable {
    services.jex.settings = lib.mkMerge [
      {
        llm = {
          provider = cfg.llm.provider;
          model = cfg.llm.model;
        };
        stt.provider = cfg.stt.provider;
        tts.provider = cfg.tts.provider;
        web.page = "${cfg.page}";
      }
      (lib.mkIf (cfg.llm.url != null) { llm.url = cfg.llm.url; })
      # The units read it as a credential; for `jex` itself, as root, this is where it is.
      (lib.mkIf (cfg.llm.apiKeyFile != null) { llm.api_key_file = toString cfg.llm.apiKeyFile; })
      (lib.mkIf (cfg.livekit.mode == "cloud") {
        livekit = {
          inherit (cfg.livekit) url;
          api_key_file = toString cfg.livekit.apiKeyFile;
          api_secret_file = toString cfg.livekit.apiSecretFile;
        };
      })
    ];

    environment.systemPackages = [ cfg.package ];
    environment.etc."jex/jex.toml".source = cfg.settingsFile;
    environment.variables.JEX_CONFIG = "/etc/jex/jex.toml";
  };
}
