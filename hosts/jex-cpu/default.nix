# Everything on this machine, on its processor: 16 GB of memory, four cores.
{
  imports = [
    ./disk.nix
    ./hardware.nix
  ];
  services.jex = {
    enable = true;
    llm.model = "llama3.2:3b";
  };
  system.stateVersion = "26.05";
}
