# What `nix run` starts.
{
  lib,
  packages,
  configurations,
}:
let
  app = package: description: {
    type = "app";
    program = lib.getExe package;
    meta = { inherit description; };
  };
in
lib.mapAttrs (
  system: packages:
  {
    jex = app packages.jex "The owner's command: up, status, ask, doctor";
  }
  // lib.optionalAttrs (system == "x86_64-linux") {
    vm = app configurations.vm.config.system.build.vm "A small JEX in a virtual machine, at https://localhost:8443";
  }
) packages
