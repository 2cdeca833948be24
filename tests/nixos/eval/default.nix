# What is to be found out by evaluating. Each attribute is evaluated by a process of its own (`test_evaluation.py`): a
# host takes a gigabyte.
{
  self,
  lib,
  hosts,
  system,
}:
let
  checksNamed =
    prefix: lib.filterAttrs (name: _: lib.hasPrefix "${prefix}-" name) self.checks.x86_64-linux;
  vmTests = lib.mapAttrs' (name: lib.nameValuePair (lib.removePrefix "vm-" name)) (checksNamed "vm");

  # The installer is no JEX.
  names = builtins.attrNames (removeAttrs hosts.configurations [ "installer" ]);

  # The least that can be evaluated: options and assertions, no packages.
  failing =
    module:
    map (assertion: assertion.message) (
      builtins.filter (assertion: !assertion.assertion && lib.hasPrefix "services.jex" assertion.message)
        (system {
          imports = [ module ];
          services.jex.enable = true;
          services.jex.owner.sshKeys = lib.mkDefault [ "ssh-ed25519 AAAA test" ];
          services.jex.owner.keysRequired = true;
          nixpkgs.hostPlatform = "x86_64-linux";
          system.stateVersion = "26.05";
        }).config.assertions
    );

  factsOf =
    { config, options, ... }:
    {
      system = config.system.build.toplevel.drvPath;

      # What the network can reach.
      ports = {
        tcp = config.networking.firewall.allowedTCPPorts;
        tcpRanges = config.networking.firewall.allowedTCPPortRanges;
        udp = config.networking.firewall.allowedUDPPorts;
        udpRanges = config.networking.firewall.allowedUDPPortRanges;
        interfaces = config.networking.firewall.interfaces;
        trusted = config.networking.firewall.trustedInterfaces;
        inherit (config.networking.firewall) enable extraInputRules;
        nftables = config.networking.nftables.enable;
      };

      # The rules, and what is done to them before nixpkgs tries them.
      rules = config.networking.nftables.tables.jex.content;
      inherit (config.networking.nftables) preCheckRuleset;

      tmpfiles = config.systemd.tmpfiles.rules;

      # Who comes to which database, and as whom.
      database = { inherit (config.services.postgresql) authentication identMap; };
      n8n = config.services.n8n.environment;

      egress = config.services.jex.egress.allowed;

      # Services that may send packets to other machines.
      free = builtins.attrNames (
        lib.filterAttrs (
          _: service:
          service.serviceConfig.IPAddressDeny or null != "any"
          && !(service.serviceConfig.PrivateNetwork or false)
        ) config.systemd.services
      );

      # Confined services that nothing defines: a name that is wrong, or was another in an earlier nixpkgs.
      imaginary = builtins.filter (
        name: !(config.systemd.services.${name}.serviceConfig ? ExecStart)
      ) config.services.jex.egress.confined;

      inherit (config.services.jex) settings;

      units = import ./units.nix { inherit lib config options; };
    };

  # Says every package that is allowed although it is unfree, as `trace: unfree: NAME`.
  tellingUnfree =
    host:
    let
      isAllowed = host.pkgs.config.allowUnfreePredicate;
    in
    host.extendModules {
      modules = [
        {
          nixpkgs.config = lib.mkForce {
            allowUnfreePredicate =
              package: isAllowed package && builtins.trace "unfree: ${lib.getName package}" true;
          };
        }
      ];
    };

  # A whole machine.
  machine =
    module:
    system {
      imports = [ module ];
      services.jex.enable = true;
      services.jex.owner.sshKeys = [ "ssh-ed25519 AAAA test" ];
      boot.loader.systemd-boot.enable = true;
      fileSystems."/" = {
        device = "/dev/disk/by-label/nixos";
        fsType = "ext4";
      };
      nixpkgs.hostPlatform = "x86_64-linux";
      system.stateVersion = "26.05";
    };

  withDomain = machine {
    services.jex = {
      hostName = "jex.example.org";
      secrets.directory = "/persist/jex/secrets";
      tls.acmeEmail = "ada@example.org";
    };
  };

  withCoqui =
    coqui:
    machine {
      imports = [ coqui ];
      services.jex.tts.provider = "coqui";
    };
  coquis = {
    small = withCoqui { };
    # On a card.
    xtts = withCoqui {
      # Haskell is not evaluated for the manual of a library of CUDA's.
      nixpkgs.overlays = [ (_: previous: { pandoc = previous.hello; }) ];
      services.jex.hardware.acceleration = "cuda";
      services.jex.settings.tts.voice = "Ana Florence";
      services.jex.speech = {
        coquiModel = "tts_models/multilingual/multi-dataset/xtts_v2";
        coquiDevice = "cuda";
        coquiNonCommercial = true;
      };
    };
    air-gapped = withCoqui {
      services.jex.airGapped = true;
      services.jex.llm.model = "llama3.2:3b";
      services.jex.speech.coquiModel = "/var/lib/jex/voices/ljspeech";
    };
  };

  refusals = {
    nothing = { };
    owner = {
      services.jex.owner.sshKeys = [ ];
    };
    model-address = {
      services.jex.llm.provider = "openai-compatible";
    };
    model-key = {
      services.jex.llm = {
        provider = "openai-compatible";
        url = "https://api.openai.com/v1";
      };
    };
    model-nearby = {
      services.jex.llm = {
        provider = "openai-compatible";
        url = "http://192.168.1.30:11434/v1";
      };
    };
    model-nearby-by-https = {
      services.jex.llm = {
        provider = "openai-compatible";
        url = "https://192.168.1.30/v1";
        apiKeyFile = "/var/lib/jex/keys/llm";
      };
    };
    model-nearby-allowed = {
      services.jex.llm = {
        provider = "openai-compatible";
        url = "http://192.168.1.30:11434/v1";
      };
      services.jex.egress.lan = [ "192.168.1.30" ];
    };
    # A server of the owner's on this machine wants no key.
    model-here = {
      services.jex.llm = {
        provider = "openai-compatible";
        url = "http://127.0.0.1:8000/v1";
      };
    };
    address-without-provider = {
      services.jex.llm.url = "https://api.openai.com/v1";
    };
    cloud-media = {
      services.jex.livekit.mode = "cloud";
    };
    air-gap-model = {
      services.jex.airGapped = true;
      services.jex.llm = {
        provider = "openai-compatible";
        url = "https://api.openai.com/v1";
        apiKeyFile = "/var/lib/jex/keys/llm";
      };
    };
    program-of-a-tool = {
      services.jex.settings.tools.mcp = [
        {
          name = "files";
          command = [ "/run/current-system/sw/bin/mcp-server-files" ];
        }
      ];
    };
    address-of-a-tool = {
      services.jex.settings.tools.mcp = [
        {
          name = "files";
          url = "http://127.0.0.1:9000/mcp";
        }
      ];
      services.jex.tools.policy.take_note = "allow";
    };
    air-gap-hosts = {
      services.jex.airGapped = true;
      services.jex.egress.hosts = [ "api.open-meteo.com" ];
    };
    air-gap-acme = {
      services.jex.airGapped = true;
      services.jex.hostName = "jex.example.org";
      services.jex.tls.acmeEmail = "ada@example.org";
    };
    acme-local = {
      services.jex.tls.acmeEmail = "ada@example.org";
    };
    cuda-graphics = {
      services.jex.hardware.acceleration = "cuda";
      hardware.graphics.enable = lib.mkForce false;
    };
    cuda-whisper = {
      services.jex.speech.whisperDevice = "cuda";
    };
    air-gap-unpinned-model = {
      services.jex.airGapped = true;
      services.jex.llm.model = "mistral:7b";
    };
    # One whose hashes JEX knows.
    air-gap-pinned-model = {
      services.jex.airGapped = true;
      services.jex.llm.model = "llama3.2:3b";
    };
    air-gap-whisper = {
      services.jex.airGapped = true;
      services.jex.speech.whisperModel = "small-int8";
    };
    air-gap-voice = {
      services.jex.airGapped = true;
      services.jex.speech.language = "de";
      services.jex.speech.voice = "de_DE-thorsten-medium";
    };
    coqui-air-gap = {
      services.jex.airGapped = true;
      services.jex.llm.model = "llama3.2:3b";
      services.jex.tts.provider = "coqui";
    };
    coqui-air-gap-folder = {
      services.jex.airGapped = true;
      services.jex.llm.model = "llama3.2:3b";
      services.jex.tts.provider = "coqui";
      services.jex.speech.coquiModel = "/var/lib/jex/voices/ljspeech";
    };
    coqui-language = {
      services.jex.tts.provider = "coqui";
      services.jex.speech.coquiModel = "tts_models/de/thorsten/vits";
    };
    coqui-license = {
      services.jex.tts.provider = "coqui";
      services.jex.speech.coquiModel = "tts_models/multilingual/multi-dataset/xtts_v2";
      services.jex.settings.tts.voice = "Ana Florence";
    };
    coqui-speaker = {
      services.jex.tts.provider = "coqui";
      services.jex.speech.coquiModel = "tts_models/en/vctk/vits";
    };
    coqui-cuda = {
      services.jex.tts.provider = "coqui";
      services.jex.speech.coquiDevice = "cuda";
    };
    voice-language = {
      services.jex.speech.language = "de";
    };
    model-without-template = {
      services.jex.models.ollama.mine.gguf = "/srv/mine.gguf";
    };
    model-too-large = {
      services.jex.llm.model = "llama3.1:8b";
      services.jex.hardware.vramGiB = 4;
    };
    model-fits = {
      services.jex.llm.model = "llama3.1:8b";
      services.jex.hardware.vramGiB = 8;
    };
    backup-ssh = {
      services.jex.backup.target = "sftp:ada@nas.example.org:/jex";
    };
    backup-air-gap = {
      services.jex.airGapped = true;
      services.jex.backup.target = "s3:https://s3.example.org/jex";
    };
    backup-plain = {
      services.jex.backup.target = "rest:http://nas.example.org/";
    };
    backup-nearby = {
      services.jex.backup.target = "rest:https://192.168.1.30/jex";
    };
    backup-port = {
      services.jex.backup.target = "rest:https://nas.example.org:8000/jex";
    };
    backup-https = {
      services.jex.backup.target = "s3:https://s3.eu-central-1.amazonaws.com/jex";
    };
    backup-disk = {
      services.jex.backup.target = "/mnt/usb/jex";
    };
  };
in
{
  hosts = lib.genAttrs names (name: factsOf (tellingUnfree hosts.configurations.${name}));
  withDomain = factsOf withDomain;

  images = lib.concatMapAttrs (
    host:
    { variants, ... }:
    lib.genAttrs' variants (
      variant:
      lib.nameValuePair "${host}-${variant}" (
        (hosts.configurations.${host}.extendModules {
          modules = [ { services.jex.owner.sshKeys = [ "ssh-ed25519 AAAA test" ]; } ];
        }).config.system.build.images.${variant}.drvPath
      )
    )
  ) (import ../../../hosts);

  # Every other output that can be built, by a name of its own.
  outputs = import ./outputs.nix { inherit self lib hosts; };

  # An owner's own flake on three machines.
  template = import ./template.nix { inherit self lib; };

  # What the installer and nixos-anywhere make of a disk.
  layouts = import ./layouts.nix { inherit lib hosts; };

  # The system that the medium starts, and what that says of itself.
  installer =
    let
      inherit (hosts.configurations.installer.config.system) build;
    in
    {
      system = build.toplevel.drvPath;
      medium = build.jexMedium.facts;
    };

  deploy = {
    nodes = lib.mapAttrs (_: node: removeAttrs node [ "profiles" ]) hosts.nodes;
    checks = lib.mapAttrs (_: check: check.drvPath) (checksNamed "deploy");
  };

  # A test is built before it runs; its machines are part of it. Their Python knows them by name.
  vmTests = lib.mapAttrs (_: test: {
    test = test.drvPath;
    script = test.driver.testScript;
    machines = builtins.attrNames test.nodes;
  }) vmTests;

  refusals = lib.mapAttrs (_: failing) refusals;

  # Coqui instead of Piper.
  coqui = lib.mapAttrs (
    _:
    { config, ... }:
    let
      service = config.systemd.services.tts-jex;
    in
    {
      host = config.system.build.toplevel.drvPath;
      service = {
        inherit (service) environment;
        inherit (service.serviceConfig)
          ExecStart
          IPAddressDeny
          IPAddressAllow
          PrivateDevices
          DeviceAllow
          ;
      };
      egress = config.services.jex.egress.allowed.tts-jex or [ ];
      inherit (config.services.jex) settings;
      piper = config.systemd.services ? wyoming-piper-jex;
    }
  ) coquis;

  # As docs/settings.md has it.
  germanSettings =
    (system {
      services.jex = {
        enable = true;
        speech.language = "de";
        speech.voice = "de_DE-thorsten-medium";
        speech.whisperModel = "small-int8";
      };
      nixpkgs.hostPlatform = "x86_64-linux";
      system.stateVersion = "26.05";
    }).config.services.jex.settings;

  # Options that the owner reads about and that lack something to read.
  undocumented =
    let
      options = (system { nixpkgs.hostPlatform = "x86_64-linux"; }).options.services.jex;
      all = lib.optionAttrSetToDocList { services.jex = options; };
      shown = builtins.filter (
        option: option.visible == true && !option.internal && !option.readOnly
      ) all;
    in
    map (option: option.name) (
      builtins.filter (option: !(option ? description) || !(option ? example)) shown
    );
}
