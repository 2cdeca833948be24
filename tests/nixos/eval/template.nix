# An owner's own flake, as `nix flake init` leaves it, on machines that there are.
{ self, lib }:
let
  inherit (self.inputs.nixpkgs.lib) nixosSystem;
  flake = import ../../../templates/default/flake.nix;

  # The template has no hardware-configuration.nix: it is the machine's.
  on =
    hardware:
    (flake.outputs {
      jex = self // {
        inputs.nixpkgs.lib.nixosSystem =
          arguments:
          nixosSystem (
            arguments
            // {
              modules = map (
                module:
                if builtins.isPath module && baseNameOf module == "hardware-configuration.nix" then
                  hardware
                else
                  module
              ) arguments.modules;
            }
          );
      };
    }).nixosConfigurations.jex.config;

  facts = config: {
    system = config.system.build.toplevel.drvPath;
    platform = config.nixpkgs.hostPlatform.system;
    root = config.fileSystems."/".device;
    checks = builtins.attrNames config.system.preSwitchChecks;
    inherit (config.services.jex) enable;
  };
in
lib.mapAttrs (_: hardware: facts (on hardware)) {
  own-pc = ./hardware-configuration.nix;

  arm = {
    imports = [ ./hardware-configuration.nix ];
    nixpkgs.hostPlatform = lib.mkForce "aarch64-linux";
    hardware.cpu.intel.updateMicrocode = lib.mkForce false;
  };

  # As `hosts/installer/program/configuration.sh` writes it.
  installed =
    { jex, ... }:
    {
      imports = [
        jex.nixosModules.disk
        jex.nixosModules.pc
      ];
      jex.disk.device = "/dev/disk/by-id/nvme-Samsung_SSD_990_PRO_2TB_S7KHNJ0W";
      jex.disk.luks = "tpm2";
    };
}
