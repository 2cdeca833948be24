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
    };
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
