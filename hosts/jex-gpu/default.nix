# Everything on this machine, with an NVIDIA card of 16 GB or more.
{ lib, ... }:
{
  services.jex = {
    enable = true;
    llm.model = lib.mkDefault "llama3.1:8b";
    hardware.acceleration = lib.mkDefault "cuda";
    speech.whisperDevice = lib.mkDefault "cuda";
  };
}
