# A home laboratory without any Internet.
{ lib, ... }:
{
  services.jex = {
    enable = true;
    airGapped = true;
    llm.model = lib.mkDefault "llama3.2:3b";
  };
}
