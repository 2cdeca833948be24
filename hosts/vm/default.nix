# To look at JEX in a virtual machine: `nix run .#vm`.
{ modulesPath, lib, ... }:
{
  imports = [ (modulesPath + "/profiles/qemu-guest.nix") ];
  nixpkgs.hostPlatform = lib.mkDefault "x86_64-linux";
  boot.loader.systemd-boot.enable = lib.mkDefault true;
  fileSystems."/" = {
    device = lib.mkDefault "/dev/disk/by-label/nixos";
    fsType = lib.mkDefault "ext4";
  };
  services.jex = {
    enable = true;
    llm.model = "qwen2.5:0.5b";
  };
  system.stateVersion = "26.05";
}
