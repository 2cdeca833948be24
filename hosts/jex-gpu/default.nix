# Everything on this machine, with an NVIDIA card of 16 GB or more.
{
  imports = [
    ./disk.nix
    ./hardware.nix
  ];
  services.jex = {
    enable = true;
    llm.model = "llama3.1:8b";
    hardware.acceleration = "cuda";
    speech.whisperDevice = "cuda";
  };
  system.stateVersion = "26.05";
}
