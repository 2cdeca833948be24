# The installer as a command. The same files run from a checkout; `tests/installer` does so.
{ pkgs, medium }:
pkgs.writeShellApplication {
  name = "jex-install";
  runtimeInputs = [
    pkgs.bash
    pkgs.coreutils
    pkgs.cryptsetup
    pkgs.curl
    pkgs.dialog
    pkgs.findutils
    pkgs.gawk
    pkgs.gnugrep
    pkgs.iproute2
    pkgs.jq
    pkgs.nixos-install
    pkgs.openssh
    pkgs.systemd
    pkgs.util-linux
  ];
  runtimeEnv.JEX_MEDIUM = "${medium}";
  text = ''exec bash ${./program}/jex-install "$@"'';
}
