# For tests in which nobody speaks: no models, and a machine half the size.
{ lib, ... }:
{
  services.ollama.enable = lib.mkForce false;
  services.wyoming.piper.servers = lib.mkForce { };
  systemd.services =
    lib.genAttrs
      [
        "ollama"
        "wyoming-faster-whisper-jex"
        "wyoming-piper-jex"
      ]
      (_: {
        enable = false;
      });

  virtualisation = {
    cores = lib.mkForce 2;
    memorySize = lib.mkForce 2048;
  };
}
