# To look at JEX in a virtual machine: `nix run .#vm`, then https://localhost:8443. Without a card, with a small model.
{
  services.jex = {
    enable = true;
    llm.model = "qwen2.5:0.5b";
  };

  # What `nix run .#vm` adds: ports of this machine's own loopback lead into it.
  virtualisation.vmVariant =
    { config, lib, ... }:
    let
      forward = host: guest: {
        from = "host";
        host = {
          address = "127.0.0.1";
          port = host;
        };
        guest.port = guest;
      };
    in
    {
      virtualisation = {
        cores = 4;
        memorySize = 6144;
        diskSize = 20 * 1024;
        diskImage = "./jex.qcow2";
        graphics = false;
        forwardPorts = [
          (forward 8443 443)
          (forward 2222 22)
          # Media goes over TCP, the one port that can be forwarded without a thousand of them.
          (forward config.services.jex.livekit.tcpPort config.services.jex.livekit.tcpPort)
        ];
      };
      services.jex = {
        tls.addresses = [ "localhost" ];
        settings.web.public_urls = lib.mkForce [ "https://localhost:8443" ];
        livekit.nodeIp = "127.0.0.1";
      };
      # Whoever runs it sits at its console.
      services.getty.autologinUser = config.services.jex.owner.name;
    };
}
