# Everything on this machine, on its processor: 16 GB of memory, four cores.
{ lib, ... }:
{
  services.jex = {
    enable = true;
    llm.model = lib.mkDefault "llama3.2:3b";
  };
}
