# What the network may reach. Everything not opened here is closed; each port stands beside the concern that needs it.
{ config, lib, ... }:
lib.mkIf config.services.jex.enable {
  networking.nftables.enable = true;
  networking.firewall = {
    enable = true;
    allowPing = true;
    # A port scan should not fill the disk.
    logRefusedConnections = false;
    # OpenSSH opens 22, `livekit.nix` media, `tls.nix` the page.
  };
}
