# What the flake builds of JEX itself.
{ pkgs }:
rec {
  jex = pkgs.callPackage ./jex.nix { };
  jex-page = pkgs.callPackage ./jex-page.nix { };
  default = jex;
}
