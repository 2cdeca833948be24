# What `deploy` is run on, as flake.nix in a folder with deploy.json. deploy-rs wants a derivation to build, and nothing
# can be evaluated or fetched in the test: this one copies a profile that is built.
{
  outputs =
    _:
    let
      told = builtins.fromJSON (builtins.readFile ./deploy.json);
      built = builtins.mapAttrs (_: builtins.storePath) told.built;
    in
    {
      deploy.nodes = builtins.mapAttrs (
        name: profile:
        told.node
        // {
          profiles.system = told.profile // {
            path = derivation {
              inherit name;
              inherit (told) system;
              builder = "${built.bash}/bin/bash";
              args = [
                "-c"
                "${built.coreutils}/bin/cp --recursive ${builtins.storePath profile} $out"
              ];
            };
          };
        }
      ) told.profiles;
    };
}
