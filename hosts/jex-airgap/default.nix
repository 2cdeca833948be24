# A home laboratory without any Internet.
{
  imports = [
    ./disk.nix
    ./hardware.nix
  ];
  services.jex = {
    enable = true;
    airGapped = true;
    llm.model = "llama3.2:3b";
  };
  system.stateVersion = "26.05";
}
