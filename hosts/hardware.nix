# A PC or a virtual machine with UEFI.
{ modulesPath, lib, ... }:
{
  imports = [ (modulesPath + "/profiles/all-hardware.nix") ];
  nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
  boot.loader.systemd-boot.enable = lib.mkDefault true;
  boot.loader.efi.canTouchEfiVariables = lib.mkDefault true;
  hardware = {
    enableRedistributableFirmware = lib.mkDefault true;
    cpu.amd.updateMicrocode = lib.mkDefault true;
    cpu.intel.updateMicrocode = lib.mkDefault true;
  };
}
