"""A caller and the agent in one room, though the agent reaches this machine alone."""


def test_the_agent_joins_a_room_over_loopback_and_hears_what_is_typed(booted):
    # LiveKit offers another address, as it has to for people on other machines.
    assert not booted.said("cat", "/run/jex-livekit/node-ip").startswith("127.")

    # There is no model here, and it says so: with its voice of last resort, in the room.
    asked = booted.run(
        *("env", "HOME=/root", "JEX_CONFIG=/opt/jex/files/jex.toml", "/opt/jex/bin/jex", "ask", "--timeout", "20"),
        "Are you there?",
        check=False,
        timeout=60,
    )

    assert asked.stdout == "answer: Sorry, I cannot reach the language model.\n", asked.stdout + asked.stderr
