# services.jex: one file per concern, those that others build on first.
{
  imports = [
    ./jex.nix
    ./secrets.nix
    ./owner.nix
    ./firewall.nix
    ./egress.nix

    ./redis.nix
    ./livekit.nix
    ./nvidia.nix
    ./ollama.nix
    ./speech.nix
    ./postgresql.nix
    ./n8n.nix

    ./agent.nix
    ./web.nix
    ./supervisor.nix

    ./tls.nix
    ./system.nix
    ./assertions.nix
  ];
}
