# A small rented machine: it listens and speaks itself, and a server elsewhere thinks.
{
  imports = [
    ./disk.nix
    ./hardware.nix
  ];
  services.jex = {
    enable = true;
    llm = {
      provider = "openai-compatible";
      url = "https://api.openai.com/v1";
      model = "gpt-4o-mini";
      apiKeyFile = "/var/lib/jex/keys/llm";
    };
  };
  system.stateVersion = "26.05";
}
