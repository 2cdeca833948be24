"""Our signal socket is cut in the middle of a conversation with somebody on the official SDK."""

import asyncio

from person import Person
from server import Echo
from wire import Wire


async def test_the_sdk_notices_nothing_of_a_resume(server, room):
    async with Wire(server.port) as wire:
        echo = Echo(server, room, url=wire.url)
        anna = Person()
        try:
            await asyncio.to_thread(echo.wait_for, "joined")
            await anna.join(server, room, "anna")
            anna.hertz = 440
            await anna.publish()
            await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)

            wire.cut()
            await asyncio.to_thread(echo.wait_for, "resumed")
            anna.hertz = 1000

            await anna.until("the other tone back", lambda: anna.share_of(1000) > 0.8)
            assert await anna.call("echo", "still there?") == "still there?"
            await anna.call("mute", "true")
            await anna.until("the mute", lambda: anna.events == ["echo muted"])
        finally:
            await anna.leave()
            echo.stop()
