"""`jex stop` with people in the room, and the start after it."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from caller import calling

BROWSER = Path(__file__).parents[1] / "browser"
STOP_LIMIT_S = 10
PORTS = (7880, 7881, 6390, 11435, 10300, 10200, 7890, 3000, 5690, 5691)


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


def test_each_part_ends_after_those_that_use_it(stack, started_again):
    log = stack.home / "state" / "jex" / "logs" / "jex.log"
    before = len(log.read_text())

    stack.stop()

    ended = re.findall(r" s  (\w+) +stopped$", log.read_text()[before:], re.MULTILINE)
    for name in ("livekit", "ollama", "whisper", "piper"):
        assert ended.index("agent") < ended.index(name), ended
    assert ended.index("web") < ended.index("livekit") < ended.index("redis"), ended


def test_killed_it_leaves_nothing(stack, started_again):
    mark = mark_of(stack.component("web")["pid"]).rpartition(b".")[0]

    def parts():
        return {mark_of(pid).rpartition(b".")[2] for pid in marked(mark)}

    # One talks before these two are there.
    deadline = time.monotonic() + 60
    while not {b"postgresql", b"n8n"} <= parts():
        assert time.monotonic() < deadline, parts()
        time.sleep(0.2)
    assert parts() - {b"postgresql", b"n8n"} == {
        b"redis",
        b"livekit",
        b"ollama",
        b"whisper",
        b"piper",
        b"agent",
        b"web",
    }
    answering = a_long_answer()

    os.kill(int((stack.home / "state" / "jex" / "lock").read_text().split()[0]), signal.SIGKILL)

    deadline = time.monotonic() + 3
    while left := marked(mark) + [f"port {port}" for port in PORTS if not is_free(port)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)
    answering.close()


def a_long_answer():
    """What the model writes for minutes; it has begun."""
    request = {"model": "jex-demo", "prompt": "Write a long story.", "options": {"num_predict": 4000}}
    stream = urllib.request.urlopen("http://127.0.0.1:11435/api/generate", json.dumps(request).encode(), timeout=60)
    assert not json.loads(stream.readline())["done"]
    return stream


def mark_of(pid: int) -> bytes:
    """What JEX marks a process with, and a process what it starts."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
    return next((text for text in environment.split(b"\0") if text.startswith(b"JEX_RUN=")), b"")


def marked(mark: bytes) -> list[int]:
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return [pid for pid in pids if mark_of(pid).startswith(mark)]


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError:
            return False
    return True
