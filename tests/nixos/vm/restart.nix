# A service that dies or hangs is started again, and JEX answers.
{ helpers, ... }:
{
  globalTimeout = 20 * 60;

  nodes.jex.imports = [
    ./common/appliance.nix
    ./common/without-n8n.nix
  ];

  testScript = helpers + ''
    wait_until_ready(jex)
    t.assertIn("Paris", ask(jex, QUESTION)["answer"])

    for unit in [
        "jex-agent",
        "jex-web",
        "jex-supervisor",
        "livekit",
        "redis-livekit",
        "ollama",
        "wyoming-faster-whisper-jex",
        "wyoming-piper-jex",
        "postgresql",
        "caddy",
    ]:
        with subtest(f"{unit} is killed"):
            pid = unit_property(jex, unit, "MainPID")
            jex.succeed(f"systemctl kill --kill-whom=main --signal=KILL {unit}")
            wait_until_restarted(jex, unit, pid, timeout=60)

    for unit in ["jex-agent", "jex-web", "jex-supervisor"]:
        with subtest(f"{unit} hangs"):
            pid = unit_property(jex, unit, "MainPID")
            jex.succeed(f"systemctl kill --kill-whom=main --signal=STOP {unit}")
            # Its watchdog waits for half a minute.
            wait_until_restarted(jex, unit, pid, timeout=120)
            jex.succeed(f"journalctl --boot --unit {unit} | grep -F 'Watchdog timeout'")

    with subtest("a question is answered as before"):
        wait_until_ready(jex)
        t.assertIn("Paris", ask(jex, QUESTION)["answer"])
  '';
}
