# The boot partition of an image of that variant. nixpkgs makes it 256 MiB, which the kernels of three generations fill;
# machines that the installer partitions have the same 1 GiB.
variant:
let
  bootSize = "1G";
in
if variant == "proxmox" then
  {
    proxmox.qemuConf = {
      # systemd-boot needs UEFI, and Proxmox gives none unless asked.
      bios = "ovmf";
      inherit bootSize;
      # What nixpkgs puts there, 1 and 1024, is no machine for JEX.
      cores = 4;
      memory = 16384;
    };
    # It would take the name and the addresses away.
    proxmox.cloudInit.enable = false;
  }
else if variant == "raw-efi" || variant == "qemu-efi" then
  {
    config,
    lib,
    pkgs,
    modulesPath,
    ...
  }:
  {
    # As the module of nixpkgs does it, which has no option for this.
    system.build.image = lib.mkForce (
      import "${modulesPath}/../lib/make-disk-image.nix" {
        inherit
          lib
          config
          pkgs
          bootSize
          ;
        inherit (config.virtualisation) diskSize;
        inherit (config.image) baseName format;
        partitionTableType = "efi";
      }
    );
  }
else
  { }
