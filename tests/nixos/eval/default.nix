# What is to be found out by evaluating. Each attribute is evaluated by a process of its own (`test_evaluation.py`): a
# host takes a gigabyte.
{
  self,
  lib,
  hosts,
  system,
}:
let
  # The installer is no JEX.
  names = builtins.attrNames (removeAttrs hosts.configurations [ "installer" ]);
  config = name: hosts.configurations.${name}.config;
  ofHost = f: lib.genAttrs names (name: f (config name));

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
  };
in
{
  hosts = ofHost (config: config.system.build.toplevel.drvPath);

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

  deploy = lib.mapAttrs (_: node: removeAttrs node [ "profiles" ]) hosts.nodes;

  refusals = lib.mapAttrs (_: failing) refusals;

  # What the network can reach of each host.
  ports = ofHost (config: {
    tcp = config.networking.firewall.allowedTCPPorts;
    tcpRanges = config.networking.firewall.allowedTCPPortRanges;
    udp = config.networking.firewall.allowedUDPPorts;
    udpRanges = config.networking.firewall.allowedUDPPortRanges;
    interfaces = config.networking.firewall.interfaces;
    trusted = config.networking.firewall.trustedInterfaces;
    inherit (config.networking.firewall) enable extraInputRules;
    nftables = config.networking.nftables.enable;
  });

  egress = ofHost (config: config.services.jex.egress.allowed);

  settings = ofHost (config: config.services.jex.settings);

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
