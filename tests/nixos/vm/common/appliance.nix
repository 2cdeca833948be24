# JEX as an owner has it, with the models of `./dev up`: real, and small enough for a virtual machine.
{ config, pkgs, ... }:
{
  services.jex = {
    enable = true;
    owner.sshKeys = [ (import ./owner-key.nix pkgs).public ];
    llm.model = "jex-demo";
    # Each machine has a second network, which the others cannot reach.
    livekit.nodeIp = config.networking.primaryIPAddress;
  };

  virtualisation = {
    cores = 4;
    memorySize = 4096;
    diskSize = 8192;
  };
}
