# The outputs that are neither a host nor an image nor of several machines, flat, so that each is evaluated by a process of
# its own.
{
  self,
  lib,
  hosts,
}:
let
  flat =
    output: value:
    lib.concatMapAttrs (
      system: lib.mapAttrs' (name: value': lib.nameValuePair "${output}-${system}-${name}" (value value'))
    ) self.${output};
  drvPath = derivation: derivation.drvPath;
  images = builtins.attrNames hosts.images;
in
lib.filterAttrs (name: _: !lib.any (image: lib.hasSuffix "-${image}" name) images) (
  flat "packages" drvPath
)
// flat "apps" (app: app.program)
// flat "devShells" drvPath
// lib.filterAttrs (name: _: builtins.match "checks-x86_64-linux-(vm|deploy)-.*" name == null) (
  flat "checks" drvPath
)
// lib.concatMapAttrs (
  system: formatter:
  # It is Haskell, which a nixpkgs that is kept for evaluating alone may lack.
  lib.optionalAttrs (self.inputs.nixpkgs.legacyPackages.${system}.haskellPackages ? safe-exceptions) {
    "formatter-${system}" = formatter.drvPath;
  }
) self.formatter
