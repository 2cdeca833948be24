# From the list of hosts: NixOS configurations, their images, and nodes to deploy to.
{
  lib,
  jex,
  disko,
  deploy-rs,
}:
let
  hosts = import ../hosts;

  # Places whose metadata holds the owner's SSH key.
  bringsKeys = [
    "amazon"
    "digital-ocean"
    "google-compute"
  ];

  # What an image of this kind needs to be told, because it brings its own disk.
  imageModule = variant: {
    imports = [ (import ./esp.nix variant) ];
    disko.enableConfig = lib.mkForce false;
    boot.loader.systemd-boot.enable = lib.mkIf (builtins.elem variant [
      "amazon"
      "digital-ocean"
      "google-compute"
      "hyperv"
      "vmware"
    ]) (lib.mkForce false);
    boot.loader.grub.enable = lib.mkIf (variant == "hyperv" || variant == "google-compute") (lib.mkForce false);
    services.jex.owner = {
      keysRequired = true;
      keysFromMetadata = builtins.elem variant bringsKeys;
    };
  };

  configurations = lib.mapAttrs (
    name: host:
    lib.nixosSystem {
      modules = [
        jex
        disko.nixosModules.disko
        host.module
        ../hosts/owner.nix
        {
          # A default that wins over those of image modules.
          networking.hostName = lib.mkOverride 900 name;
          image.modules = lib.genAttrs host.variants imageModule;
        }
      ];
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

  nodes = lib.mapAttrs (name: _: {
    hostname = name;
    profiles.system = {
      user = "root";
      path = deploy-rs.lib.x86_64-linux.activate.nixos configurations.${name};
    };
    sshUser = "owner";
    magicRollback = true;
  }) (lib.filterAttrs (_: host: host.deploy or false) hosts);
}
