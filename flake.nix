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
      programs = eachSystem (pkgs: import ./nix/packages.nix { inherit pkgs; });
      inputs = import ./nix/inputs.nix { inherit self; };
      hosts = import ./nix/hosts.nix {
        inherit
          self
          lib
          inputs
          disko
          deploy-rs
          ;
      };
    in
    {
      packages = lib.recursiveUpdate programs { x86_64-linux = hosts.images; };

      apps = import ./nix/apps.nix {
        inherit lib;
        inherit (hosts) configurations;
        packages = programs;
      };

      devShells = eachSystem (pkgs: {
        default = import ./nix/dev-shell.nix { inherit pkgs deploy-rs; };
      });

      nixosModules = hosts.modules // {
        default = {
          imports = [ ./nixos-modules ];
          # Built from this flake, unless the owner says otherwise.
          config._module.args.jexPackages = programs;
          config._module.args.jexInputs = inputs;
          # Only a clock that is wrong is before this.
          config.services.jex.builtAt = lib.mkDefault (self.lastModified or 0);
        };
      };

      nixosConfigurations = hosts.configurations;

      templates.default = {
        path = ./templates/default;
        description = "Your own JEX: your machine's hardware-configuration.nix, and one configuration.nix to edit";
      };

      deploy.nodes = hosts.nodes;

      checks = eachSystem (
        pkgs:
        import ./nix/checks.nix {
          inherit
            self
            lib
            pkgs
            hosts
            deploy-rs
            ;
        }
      );

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);

      lib.options = import ./nix/options.nix {
        inherit lib;
        modules = [
          self.nixosModules.default
          self.nixosModules.disk
        ];
      };

      lib.evaluationTests = import ./tests/nixos/eval {
        inherit self lib hosts;
        system =
          module:
          lib.nixosSystem {
            modules = [
              self.nixosModules.default
              module
            ];
          };
      };
    };
}
