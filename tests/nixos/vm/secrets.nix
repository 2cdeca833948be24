# Secrets are made on the first boot, stay the same, and are nowhere but in their folder.
{ helpers, ... }:
let
  appliance.imports = [
    ./common/appliance.nix
    ./common/without-n8n.nix
    ./common/without-speech.nix
  ];
in
{
  globalTimeout = 10 * 60;

  nodes.jex = appliance;
  # The same closure, so what is the same here would be in the store.
  nodes.other = appliance;

  testScript = helpers + ''
    def found_in(*places: str) -> list[str]:
        """Files that hold a secret."""
        search = f"find -L {' '.join(places)} -type f -exec grep --text -lF --file=/run/made {{}} +"
        return jex.execute(search)[1].split()


    start_all()
    wait_until_ready(jex)
    wait_until_ready(other)
    made, others = secrets(jex), secrets(other)

    with subtest("every secret is made, and for this machine alone"):
        t.assertLessEqual(
            {"livekit-api-key", "livekit-api-secret", "n8n-encryption-key", "n8n-runners-token", "redis-password"},
            set(made),
        )
        for name, value in made.items():
            t.assertGreaterEqual(len(value), 15, name)
            t.assertNotEqual(value, others[name], name)

    with subtest("root alone reads them"):
        modes = jex.succeed("stat --format '%a %U' /var/lib/jex/secrets /var/lib/jex/secrets/*").splitlines()
        t.assertEqual(modes, ["700 root"] + ["600 root"] * len(made))
        jex.fail("runuser -u owner -- ls /var/lib/jex/secrets")

    with subtest("none is in the store, in a unit, in the journal or on a command line"):
        # LiveKit's key is a name: each token has it. An empty line would be found everywhere.
        hidden = [value for name, value in made.items() if name != "livekit-api-key"]
        jex.succeed(f"printf '%s\\n' {' '.join(hidden)} >/run/made")
        jex.succeed("journalctl --boot --output=cat >/run/journal")
        jex.succeed("cat /proc/[0-9]*/cmdline >/run/command-lines || true")
        t.assertEqual(len(found_in("/var/lib/jex/secrets")), len(hidden))
        t.assertEqual(found_in("/run/journal", "/run/command-lines"), [])
        # What was added to the store since the machine was built, and what of the store says how it is set up.
        t.assertEqual(found_in("/nix/.rw-store/upper", "/run/current-system/etc", "/etc/jex"), [])

    with subtest("they are the same after a reboot, and after a power cut"):
        jex.shutdown()
        other.crash()
        for machine, before in [(jex, made), (other, others)]:
            machine.start()
            wait_until_ready(machine)
            t.assertEqual(secrets(machine), before)
  '';
}
