"""`jex stop` with people in the room, and the start after it."""

import asyncio
import json
import subprocess
import time
from pathlib import Path

import pytest

from caller import calling

BROWSER = Path(__file__).parents[1] / "browser"
STOP_LIMIT_S = 10


@pytest.fixture
def started_again(stack):
    yield
    stack.up()


async def test_the_agent_says_goodbye_and_all_ends_in_time(stack, started_again):
    async with calling(stack, microphone=False) as caller:
        await caller.greeted()
        at = time.monotonic()

        await asyncio.to_thread(stack.stop)

        took = time.monotonic() - at
        await caller.until(lambda: len(caller.turns) >= 2, 5, "the goodbye")
        assert caller.turns[-1]["answer"] == "Goodbye.", caller.turns
        assert took < STOP_LIMIT_S, took


async def test_an_answer_does_not_hold_up_the_end(stack, started_again):
    async with calling(stack, microphone=False) as caller:
        await caller.greeted()
        await caller.type("Tell me a long story about a dragon and a princess.")
        await caller.until(lambda: caller.state() == "speaking", 30, "the answer")
        at = time.monotonic()

        await asyncio.to_thread(stack.stop)

        assert time.monotonic() - at < STOP_LIMIT_S


def test_with_a_browser_in_the_room(stack, started_again):
    visitor = subprocess.Popen(
        ["node", str(BROWSER / "visit.mjs")],
        env=stack.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=BROWSER,
    )
    try:
        assert visitor.stdout.readline() == "READY\n"
        at = time.monotonic()

        stack.stop()

        took = time.monotonic() - at
        out, _ = visitor.communicate(timeout=30)
    finally:
        visitor.kill()
    seen = json.loads(out)
    assert took < STOP_LIMIT_S, took
    assert seen["troubles"] == ["livekit-gone"], seen
    assert seen["complaints"] == [], seen
