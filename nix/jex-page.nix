# The page as static files. Its npm packages are one fixed-output derivation: nixpkgs' own fetchers need the registry's
# address in the lock file, and ours names no host.
{
  lib,
  stdenvNoCC,
  nodejs,
  cacert,
}:
let
  root = ../.;
  lock = ../web/package-lock.json;
  version = (lib.importTOML ../Cargo.toml).workspace.package.version;

  packages = stdenvNoCC.mkDerivation {
    name = "jex-page-npm-packages";
    nativeBuildInputs = [
      nodejs
      cacert
    ];
    dontUnpack = true;
    buildPhase = ''
      HOME=$TMPDIR node ${./npm}/pack.mjs ${lock} $out
    '';
    outputHashMode = "recursive";
    # After a change of the lock: `node nix/npm/pack.mjs web/package-lock.json DIR && nix hash path DIR`.
    outputHash = "sha256-7OVoSViH4luZmBr+w/UAB94oZVk8DEPs4VqHrQWrt9o=";
  };
in
stdenvNoCC.mkDerivation {
  pname = "jex-page";
  inherit version;

  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.difference ../web (
      lib.fileset.unions [
        (lib.fileset.maybeMissing ../web/node_modules)
        (lib.fileset.maybeMissing ../web/.next)
        (lib.fileset.maybeMissing ../web/out)
      ]
    );
  };
  sourceRoot = "source/web";
  nativeBuildInputs = [ nodejs ];

  buildPhase = ''
    runHook preBuild
    export HOME=$TMPDIR NEXT_TELEMETRY_DISABLED=1
    node ${./npm}/resolve.mjs package-lock.json ${packages}
    node ${../parts/modules/complete-lock.mjs} package-lock.json
    npm ci --offline --ignore-scripts --no-audit --no-fund
    patchShebangs node_modules
    npm run build
    runHook postBuild
  '';
  installPhase = "cp -r out $out";

  passthru = { inherit packages; };
  meta = {
    description = "The page of JEX, as static files";
    license = with lib.licenses; [
      asl20
      mit
    ];
  };
}
