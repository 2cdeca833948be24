# From the list of hosts: NixOS configurations, their images, and nodes to deploy to.
{
  self,
  lib,
  inputs,
  disko,
  deploy-rs,
}:
let
  hosts = import ../hosts;

  # Places whose metadata holds the owner's SSH key, and what has a console that needs none.
  bringsKeys = [
    "amazon"
    "digital-ocean"
    "iso"
  ];

  inFront = {
    amazon = "amazon";
    google-compute = "google";
  };

  # What the cloud's user data holds would be run as root.
  userDataOff = {
    amazon.virtualisation.amazon-init.enable = false;
    digital-ocean.virtualisation.digitalOcean.rebuildFromUserData = false;
    google-compute.systemd.services = {
      google-startup-scripts.enable = false;
      google-shutdown-scripts.enable = false;
    };
  };

  # What an image of this kind needs to be told, because it brings its own disk.
  imageModule = variant: {
    imports = [
      (import ./esp.nix variant)
      (userDataOff.${variant} or { })
    ];
    disko.enableConfig = lib.mkForce false;
    boot.loader.systemd-boot.enable = lib.mkIf (builtins.elem variant [
      "amazon"
      "digital-ocean"
      "google-compute"
      "hyperv"
      "vmware"
    ]) (lib.mkForce false);
    # What starts it is found by its place on the disk; the machine that builds it keeps its own list.
    boot.loader.efi.canTouchEfiVariables = lib.mkForce false;
    services.jex.owner = {
      keysRequired = true;
      keysFromMetadata = builtins.elem variant bringsKeys;
    };
    # Nobody but the owner tells this machine anything, or hears of it.
    services.amazon-ssm-agent.enable = lib.mkForce false;
    services.do-agent.enable = lib.mkForce false;
    security.googleOsLogin.enable = lib.mkForce false;
    # These two put a public address in front of the machine.
    services.jex.livekit.addressFrom = lib.mkIf (inFront ? ${variant}) inFront.${variant};
  };

  configurations = lib.mapAttrs (
    name: host:
    lib.nixosSystem {
      modules = [
        self.nixosModules.default
        disko.nixosModules.disko
        host.module
        host.hardware
        ../hosts/owner.nix
        {
          # A default that wins over those of image modules.
          networking.hostName = lib.mkOverride 900 name;
          image.modules = lib.genAttrs host.variants imageModule;
          system.stateVersion = "26.05";
          # For the installer, which carries some of the others.
          _module.args.jexHosts = {
            inherit configurations inputs;
            tiers = lib.filterAttrs (_: host: host ? install) hosts;
            source = self;
          };
        }
      ]
      ++ lib.optional (host ? disk) host.disk;
    }
  ) hosts;
  hasKeys = name: configurations.${name}.config.services.jex.owner.sshKeys != [ ];

  # The flake as a whole evaluates without the owner's key; an image that nobody could log in to is not built.
  refused =
    name: pkgs:
    pkgs.runCommand "${name}-without-ssh-key" { } ''
      echo "Nobody could log in to ${name}. Put your public SSH key into hosts/owner.nix." >&2
      exit 1
    '';
in
{
  inherit configurations;

  images = lib.concatMapAttrs (
    name: host:
    lib.genAttrs' host.variants (
      variant:
      lib.nameValuePair "${name}-${variant}" (
        if hasKeys name || builtins.elem variant bringsKeys then
          configurations.${name}.config.system.build.images.${variant}
        else
          refused "${name}-${variant}" configurations.${name}.pkgs
      )
    )
  ) hosts;

  # What an owner's own configuration takes: a kind of JEX each, and the disk and hardware of a machine that we partition.
  modules = lib.mapAttrs (_: host: host.module) (lib.filterAttrs (_: host: host ? install) hosts) // {
    pc = ../hosts/hardware.nix;
    disk.imports = [
      disko.nixosModules.disko
      ../hosts/disk.nix
    ];
  };

  nodes = lib.mapAttrs (name: _: {
    hostname = name;
    profiles.system = {
      user = "root";
      path = deploy-rs.lib.x86_64-linux.activate.nixos configurations.${name};
    };
    sshUser = configurations.${name}.config.services.jex.owner.name;
    # Undone when it fails, and when the machine cannot be reached again afterwards.
    autoRollback = true;
    magicRollback = true;
  }) (lib.filterAttrs (_: host: host.deploy or false) hosts);
}
