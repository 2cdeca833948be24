{
  description = "JEX: a private voice assistant that one person owns";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    deploy-rs = {
      url = "github:serokell/deploy-rs";
      inputs.nixpkgs.follows = "nixpkgs";
      inputs.flake-compat.follows = "";
    };
    disko = {
      url = "github:nix-community/disko";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    {
      self,
      nixpkgs,
      deploy-rs,
      disko,
    }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      eachSystem = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      hosts = import ./nix/hosts.nix {
        inherit lib disko deploy-rs;
        jex = self.nixosModules.default;
      };
    in
    {
      packages = lib.recursiveUpdate (eachSystem (pkgs: import ./nix/packages.nix { inherit pkgs; })) {
        x86_64-linux = hosts.images;
      };

      nixosModules.default = {
        imports = [ ./nixos-modules ];
        # Built from this flake, unless the owner says otherwise.
        config._module.args.jexPackages = self.packages;
        # Only a clock that is wrong is before this.
        config.services.jex.builtAt = lib.mkDefault (self.lastModified or 0);
      };

      nixosConfigurations = hosts.configurations;

      lib.evaluationTests = import ./tests/nixos/eval {
        inherit lib hosts;
        system =
          module:
          lib.nixosSystem {
            modules = [
              self.nixosModules.default
              module
            ];
          };
      };

      deploy.nodes = hosts.nodes;

      checks = lib.mapAttrs (_: deploy: deploy.deployChecks self.deploy) {
        inherit (deploy-rs.lib) x86_64-linux;
      };

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
