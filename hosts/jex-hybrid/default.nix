# A small rented machine: it listens and speaks itself, and a server elsewhere thinks.
{ lib, ... }:
{
  services.jex = {
    enable = true;
    llm = {
      provider = lib.mkDefault "openai-compatible";
      url = lib.mkDefault "https://api.openai.com/v1";
      model = lib.mkDefault "gpt-4o-mini";
      apiKeyFile = lib.mkDefault "/var/lib/jex/keys/llm";
    };
  };
}
