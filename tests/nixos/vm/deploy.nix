# deploy-rs from a second machine: what it brings runs, and what locks the owner out is taken back.
{
  deploy-rs,
  hosts,
  helpers,
  ...
}:
let
  system = "x86_64-linux";
in
{
  globalTimeout = 20 * 60;

  nodes.jex =
    { extendModules, lib, ... }:
    {
      imports = [
        ./common/appliance.nix
        ./common/without-n8n.nix
        ./common/without-speech.nix
      ];
      # The test's kernel is started without one.
      boot.loader.grub.enable = false;
      system.switch.enable = true;

      system.build = lib.mapAttrs (_: module: (extendModules { modules = [ module ]; }).config) {
        upgraded = {
          services.jex.settings.assistant.name = "Ada";
        };
        locked-out = {
          services.openssh.enable = lib.mkForce false;
        };
      };
    };

  nodes.laptop =
    {
      lib,
      nodes,
      pkgs,
      ...
    }:
    let
      activatable = config: "${deploy-rs.lib.${system}.activate.nixos { inherit config; }}";
      # How our own hosts are deployed.
      node = hosts.nodes.jex-cpu;
    in
    {
      imports = [ ./common/laptop.nix ];
      environment.systemPackages = [ deploy-rs.packages.${system}.deploy-rs ];
      environment.etc."deployed/flake.nix".source = ./common/deploy-flake.nix;
      environment.etc."deployed/deploy.json".text = builtins.toJSON {
        inherit system;
        node = removeAttrs node [ "profiles" ] // {
          hostname = "jex";
        };
        profile = removeAttrs node.profiles.system [ "path" ];
        profiles = {
          upgraded = activatable nodes.jex.system.build.upgraded;
          locked-out = activatable nodes.jex.system.build.locked-out;
        };
        built = {
          bash = "${pkgs.bash}";
          coreutils = "${pkgs.coreutils}";
        };
      };
      nix.settings = {
        experimental-features = [
          "nix-command"
          "flakes"
        ];
        substituters = lib.mkForce [ ];
      };
      virtualisation.memorySize = 2048;
    };

  testScript =
    { nodes, ... }:
    helpers
    + ''
      UPGRADED = "${nodes.jex.system.build.upgraded.system.build.toplevel}"


      def deploy(node: str) -> str:
          return f"cd /root/deployed && deploy --skip-checks .#{node} -- --offline --impure 2>&1"


      start_all()
      wait_until_ready(jex)
      laptop.wait_for_unit("multi-user.target")
      laptop.succeed("cp --recursive --dereference /etc/deployed /root/deployed")
      made = secrets(jex)

      with subtest("what is deployed runs"):
          laptop.succeed(deploy("upgraded"))
          t.assertEqual(jex.succeed("readlink -f /run/current-system").strip(), UPGRADED)
          wait_until_ready(jex)
          info = json.loads(jex.succeed("curl --silent --fail http://127.0.0.1:3000/api/info"))
          t.assertEqual(info["assistant_name"], "Ada")
          t.assertEqual(secrets(jex), made)

      with subtest("what locks the owner out is taken back"):
          laptop.fail(deploy("locked-out"))
          jex.wait_until_succeeds(f"[ $(readlink -f /run/current-system) = {UPGRADED} ]", timeout=180)
          laptop.wait_until_succeeds("ssh jex true", timeout=60)
          wait_until_ready(jex)
    '';
}
