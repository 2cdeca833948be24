# A shell in which `./dev` finds what it needs, LiveKit and Ollama among it, which it then does not compile.
{ pkgs, deploy-rs }:
pkgs.mkShell {
  packages = [
    pkgs.cargo
    pkgs.clippy
    pkgs.rustc
    pkgs.rustfmt
    pkgs.cmake
    pkgs.nodejs
    pkgs.python312

    pkgs.livekit
    pkgs.ollama
    pkgs.redis
    pkgs.espeak-ng

    pkgs.chromium
    pkgs.iproute2
    pkgs.shellcheck
    pkgs.nixos-anywhere
    deploy-rs.packages.${pkgs.stdenv.hostPlatform.system}.deploy-rs
  ];
}
