# What `nix flake check` builds: JEX and its own tests, what is deployed, and the virtual machines of tests/nixos/vm. Images
# stay out: they are gigabytes, and the tests evaluate each.
{
  self,
  lib,
  pkgs,
  hosts,
  deploy-rs,
}:
let
  inherit (pkgs.stdenv.hostPlatform) system;
  programs = import ./packages.nix { inherit pkgs; };
  named = prefix: lib.mapAttrs' (name: lib.nameValuePair "${prefix}-${name}");

  vmTests = import ./vm-tests.nix {
    inherit pkgs hosts deploy-rs;
    jex = self.nixosModules.default;
  };
in
removeAttrs programs [ "default" ]
// named "jex" programs.jex.tests
// {
  dev-shell = self.devShells.${system}.default;
}
// lib.optionalAttrs (system == "x86_64-linux") (
  deploy-rs.lib.${system}.deployChecks self.deploy // named "vm" vmTests
)
