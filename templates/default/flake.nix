{
  description = "My JEX";
  # JEX as a folder beside this file, as its installer leaves it; or the address that you got it from.
  inputs.jex.url = "path:./jex";
  outputs =
    { jex, ... }:
    {
      nixosConfigurations.jex = jex.inputs.nixpkgs.lib.nixosSystem {
        specialArgs = { inherit jex; };
        modules = [
          jex.nixosModules.default
          ./hardware-configuration.nix
          ./configuration.nix
        ];
      };
    };
}
