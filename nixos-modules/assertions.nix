# Combinations that cannot work, each with what to do about it.
{ config, lib, ... }:
let
  cfg = config.services.jex;
  cloudModel = cfg.llm.provider == "openai-compatible";
  cloudMedia = cfg.livekit.mode == "cloud";
in
{
  config.assertions = lib.mkIf cfg.enable [
    {
      assertion = cfg.owner.keysRequired -> cfg.owner.sshKeys != [ ] || cfg.owner.keysFromMetadata;
      message = "services.jex.owner.sshKeys is empty, so nobody could ever log in. Put your public SSH key there (`cat ~/.ssh/id_ed25519.pub`).";
    }
    {
      assertion = cloudModel -> cfg.llm.url != null;
      message = "services.jex.llm.provider is \"openai-compatible\", but services.jex.llm.url is not set. Name the server's base address, such as \"https://api.openai.com/v1\".";
    }
    {
      assertion =
        (cfg.llm.host != null && !builtins.elem cfg.llm.host cfg.egress.lan) -> cfg.llm.apiKeyFile != null;
      message = "services.jex.llm.url is a server elsewhere, but services.jex.llm.apiKeyFile is not set. Write the API key into a file on the machine that only root can read, such as /var/lib/jex/keys/llm, and name it there.";
    }
    {
      assertion =
        (cfg.llm.host != null && !builtins.elem cfg.llm.host cfg.egress.lan)
        -> builtins.match "https://[^/:]*[a-z][^/:]*(:443)?(/.*)?" cfg.llm.url != null;
      message = "services.jex.llm.url is neither a name with HTTPS on port 443 nor on your own network, so nothing lets it out. If it is a server of yours, name its address in services.jex.egress.lan and in the URL.";
    }
    {
      assertion = cfg.llm.url != null -> cloudModel;
      message = "services.jex.llm.url is set, but services.jex.llm.provider is \"ollama\", which runs on this machine. Set the provider to \"openai-compatible\", or leave the address out.";
    }
    {
      assertion =
        cloudMedia
        -> (cfg.livekit.url != null && cfg.livekit.apiKeyFile != null && cfg.livekit.apiSecretFile != null);
      message = "services.jex.livekit.mode is \"cloud\", which needs services.jex.livekit.url, .apiKeyFile and .apiSecretFile: the address of your project, and two files on the machine with its key and secret.";
    }
    {
      assertion = cfg.airGapped -> !cloudModel && !cloudMedia;
      message = "services.jex.airGapped forbids every provider elsewhere. Set services.jex.llm.provider to \"ollama\" and services.jex.livekit.mode to \"own\", or take the air gap away.";
    }
    {
      assertion = cfg.airGapped -> cfg.egress.hosts == [ ];
      message = "services.jex.airGapped forbids every host elsewhere, but services.jex.egress.hosts names some. Empty it, or take the air gap away.";
    }
    {
      assertion = cfg.airGapped -> cfg.tls.acmeEmail == null;
      message = "services.jex.airGapped cannot reach a certificate authority. Leave services.jex.tls.acmeEmail out: the machine is its own.";
    }
    {
      assertion = cfg.tls.acmeEmail != null -> !lib.hasSuffix ".local" cfg.hostName;
      message = "services.jex.tls.acmeEmail asks for a certificate, but nobody gives one for ${cfg.hostName}. Set services.jex.hostName to a domain of yours that points to this machine, or leave the e-mail address out.";
    }
    {
      assertion = cfg.tls.acmeEmail != null -> cfg.tls.addresses == [ ];
      message = "services.jex.tls.addresses names addresses, but a certificate by ACME holds only services.jex.hostName. Leave the addresses out.";
    }
    {
      assertion = cfg.hardware.acceleration == "cuda" -> config.hardware.graphics.enable;
      message = "services.jex.hardware.acceleration is \"cuda\", but hardware.graphics.enable is false, so there is no libcuda. Do not switch it off.";
    }
    {
      assertion = cfg.speech.whisperDevice == "cuda" -> cfg.hardware.acceleration == "cuda";
      message = "services.jex.speech.whisperDevice is \"cuda\", but the machine has no CUDA. Set services.jex.hardware.acceleration to \"cuda\", or the device to \"cpu\".";
    }
  ];
}
