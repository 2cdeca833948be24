# services.jex: one file per concern, those that others build on first.
{
  imports = [
    ./jex.nix
    ./secrets.nix
    ./owner.nix
    ./console.nix
    ./firewall.nix
    ./egress.nix
    ./resolver.nix

    ./redis.nix
    ./livekit.nix
    ./nvidia.nix
    ./models.nix
    ./ollama.nix
    ./speech.nix
    ./coqui.nix
    ./postgresql.nix
    ./n8n.nix

    ./agent.nix
    ./web.nix
    ./supervisor.nix

    ./tls.nix
    ./backup.nix
    ./system.nix
    ./air-gap.nix
    ./assertions.nix
  ];
}
