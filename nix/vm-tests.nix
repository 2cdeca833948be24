# The VM tests: each file of `tests/nixos/vm` is one behaviour, and a test of the same name.
{
  pkgs,
  jex,
  hosts,
  deploy-rs,
}:
let
  inherit (pkgs) lib;
  folder = ../tests/nixos/vm;

  run =
    file:
    pkgs.testers.runNixOSTest {
      imports = [ (folder + "/${file}") ];
      name = lib.removeSuffix ".nix" file;
      _module.args = {
        inherit hosts deploy-rs;
        helpers = builtins.readFile (folder + "/common/helpers.py");
      };
      # Each machine has the packages that `services.jex` asks for: its list of what may be unfree is tested as well.
      node.pkgsReadOnly = false;
      defaults = {
        imports = [ jex ];
        documentation.enable = false;
      };
    };
in
lib.mapAttrs' (file: _: lib.nameValuePair (lib.removeSuffix ".nix" file) (run file)) (
  lib.filterAttrs (name: type: type == "regular" && lib.hasSuffix ".nix" name) (
    builtins.readDir folder
  )
)
