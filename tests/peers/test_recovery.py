"""Both sides after the server died and came back."""

from person import Person
from server import Echo, Server


async def test_after_a_restart_of_the_server_both_hear_each_other_again(tmp_path):
    server = Server(tmp_path)
    server.start()
    echo = Echo(server, "room")
    anna = Person()
    try:
        echo.wait_for("joined")
        await anna.join(server, "room", "anna")
        anna.hertz = 440
        await anna.publish()
        await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)

        server.restart()
        anna.forget_what_was_heard()

        echo.wait_for("reconnected")
        await anna.until("the SDK's reconnect", lambda: "reconnected" in anna.events)
        await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)
        await anna.until(
            "the state", lambda: anna.agent() and anna.agent().attributes.get("lk.agent.state") == "listening"
        )
    finally:
        await anna.leave()
        echo.stop()
        server.stop()
