# An upgrade changes what it should and nothing else, survives a reboot, and can be undone.
{ helpers, ... }:
{
  globalTimeout = 20 * 60;

  nodes.jex =
    {
      config,
      extendModules,
      lib,
      ...
    }:
    let
      # These carry no further systems.
      noMore = [ { system.extraDependencies = lib.mkForce [ ]; } ];
    in
    {
      imports = [
        ./common/appliance.nix
        ./common/without-n8n.nix
        ./common/without-speech.nix
      ];
      virtualisation = {
        useBootLoader = true;
        useEFIBoot = true;
        fileSystems."/".autoResize = true;
      };
      boot.growPartition = true;
      boot.loader.systemd-boot.enable = true;
      boot.loader.timeout = 0;
      system.switch.enable = true;
      # systemd-boot names its entries after it.
      environment.etc."machine-id".text = "0123456789abcdef0123456789abcdef\n";

      system.build =
        lib.mapAttrs (_: module: (extendModules { modules = [ module ] ++ noMore; }).config)
          {
            # What an owner changes.
            upgraded = {
              services.jex.settings.assistant.name = "Ada";
            };
            # What an owner must not be able to do to themselves.
            locked-out = {
              services.jex.owner.sshKeys = lib.mkForce [ ];
            };
          };
      # In place of a download.
      system.extraDependencies = [
        config.system.build.upgraded.system.build.toplevel
        config.system.build.locked-out.system.build.toplevel
      ];
    };

  testScript =
    { nodes, ... }:
    let
      inherit (nodes.jex.system.build) upgraded locked-out;
    in
    helpers
    + ''
      FIRST = "${nodes.jex.system.build.toplevel}"
      UPGRADED = "${upgraded.system.build.toplevel}"
      LOCKED_OUT = "${locked-out.system.build.toplevel}"
      PROFILE = "/nix/var/nix/profiles/system"


      def reboot() -> None:
          jex.shutdown()
          jex.start()
          wait_until_ready(jex)


      def check(system: str, assistant: str) -> None:
          """The system runs, says so, and kept what is the owner's."""
          t.assertEqual(jex.succeed("readlink -f /run/current-system").strip(), system)
          t.assertEqual(jex.succeed(f"readlink -f {PROFILE}").strip(), system)
          info = json.loads(jex.succeed("curl --silent --fail http://127.0.0.1:3000/api/info"))
          t.assertEqual(info["assistant_name"], assistant)
          t.assertEqual(secrets(jex), made)
          t.assertEqual(query(jex, "select said from kept"), "hello")
          t.assertEqual(jex.succeed("systemctl list-units --failed --no-legend").strip(), "")


      wait_until_ready(jex)
      made = secrets(jex)
      query(jex, "create table kept as select 'hello' as said")

      with subtest("the first system"):
          check(FIRST, "JEX")

      with subtest("what would lock the owner out is refused"):
          said = jex.fail(f"{LOCKED_OUT}/bin/switch-to-configuration switch 2>&1")
          t.assertIn("services.jex.owner.sshKeys", said)
          check(FIRST, "JEX")

      with subtest("without a dump of the databases, nothing is switched"):
          query(jex, "alter database n8n allow_connections false", "postgres")
          said = jex.fail(f"{UPGRADED}/bin/switch-to-configuration switch 2>&1")
          t.assertIn("could not be dumped", said)
          query(jex, "alter database n8n allow_connections true", "postgres")
          check(FIRST, "JEX")

      with subtest("upgrade"):
          jex.succeed(f"nix-env --profile {PROFILE} --set {UPGRADED}")
          jex.succeed(f"{PROFILE}/bin/switch-to-configuration switch")
          wait_until_ready(jex)
          check(UPGRADED, "Ada")
          jex.succeed("ls /var/lib/jex-backup/before-switch/*/n8n.dump")

      with subtest("the upgrade is still there after a reboot"):
          reboot()
          check(UPGRADED, "Ada")

      with subtest("back to the one before"):
          jex.succeed("nixos-rebuild switch --rollback --no-reexec")
          wait_until_ready(jex)
          check(FIRST, "JEX")
          reboot()
          check(FIRST, "JEX")

      with subtest("an upgrade that does not boot is undone in the boot menu"):
          jex.succeed(f"nix-env --profile {PROFILE} --set {UPGRADED}")
          jex.succeed(f"{PROFILE}/bin/switch-to-configuration boot")
          first = jex.succeed("grep -l 'version Generation 1 NixOS' /boot/loader/entries/*.conf").strip()
          jex.succeed(f"bootctl set-oneshot $(basename {first})")
          reboot()
          t.assertEqual(jex.succeed("readlink -f /run/current-system").strip(), FIRST)
    '';
}
