# Any PC, started from a stick or by kexec; what is written while it runs is in memory.
{ lib, ... }:
{
  nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
  hardware.enableAllHardware = true;
  hardware.enableRedistributableFirmware = lib.mkDefault true;
  # The media bring loaders and file systems of their own.
  boot.loader.grub.enable = lib.mkDefault false;
  fileSystems."/" = lib.mkDefault {
    device = "none";
    fsType = "tmpfs";
  };
}
