# The owner's own machine: it has the key and the command, and reaches JEX over the network.
{ config, pkgs, ... }:
{
  environment.systemPackages = [ config.services.jex.package ];

  # OpenSSH refuses a key that others can read.
  environment.etc."owner-key" = {
    source = (import ./owner-key.nix pkgs).private;
    mode = "0600";
  };
  programs.ssh.extraConfig = ''
    User owner
    IdentityFile /etc/owner-key
    StrictHostKeyChecking accept-new
  '';
}
