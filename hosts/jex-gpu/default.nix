# Everything on this machine, with an NVIDIA card of 16 GB or more.
{
  imports = [
    ./disk.nix
    ./hardware.nix
  ];
  services.jex = {
    enable = true;
    llm.model = "llama3.1:8b";
    speech.whisperModel = "small-int8";
    hardware.acceleration = "cuda";
  };
  system.stateVersion = "26.05";
}
