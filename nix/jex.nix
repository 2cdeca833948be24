# The workspace: jex, jex-agent, jex-web.
{
  lib,
  rustPlatform,
  clippy,
  cmake,
}:
let
  root = ../.;
  manifest = lib.importTOML ../Cargo.toml;
  build =
    extra:
    rustPlatform.buildRustPackage (
      {
        pname = "jex";
        inherit (manifest.workspace.package) version;

        src = lib.fileset.toSource {
          inherit root;
          fileset = lib.fileset.unions [
            ../Cargo.toml
            ../Cargo.lock
            ../clippy.toml
            ../crates
          ];
        };
        cargoLock.lockFile = ../Cargo.lock;

        # Opus and aws-lc are compiled from the crates' own C sources.
        nativeBuildInputs = [ cmake ];
        dontUseCmakeConfigure = true;
        # The tests that need a LiveKit or a network namespace skip themselves; they have a check of their own.
        doCheck = false;

        meta = {
          description = "A private voice assistant that one person owns";
          license = with lib.licenses; [
            asl20
            mit
          ];
          mainProgram = "jex";
          platforms = lib.platforms.linux;
        };
      }
      // extra
    );
in
build {
  passthru.tests = {
    clippy = build {
      pname = "jex-clippy";
      nativeBuildInputs = [
        cmake
        clippy
      ];
      buildPhase = "cargo clippy --release --locked --offline --workspace --all-targets -- -D warnings";
      installPhase = "touch $out";
    };
    unit = build {
      pname = "jex-unit-tests";
      doCheck = true;
      cargoTestFlags = [
        "--workspace"
        "--lib"
        "--bins"
      ];
    };
  };
}
