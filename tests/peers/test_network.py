"""A machine whose address changes in the middle of a conversation.

The participant lives in a network namespace of its own, at the other end of the wire.
"""

import subprocess

import pytest

from person import Person
from server import ADDRESS, Echo, Process, Server


class House:
    """Another machine, as far as anyone can tell."""

    def __init__(self):
        self.process = Process(["unshare", "--net", "sh", "-c", "echo ready; exec sleep 600"])
        self.process.wait_for("ready")
        pid = str(self.process.process.pid)
        subprocess.run(["ip", "link", "set", "v1", "netns", pid], check=True)
        self.enter = ["nsenter", "--net", "--target", pid]
        self.ip("link", "set", "lo", "up")
        self.ip("link", "set", "v1", "addrgenmode", "none", "up")

    def ip(self, *arguments: str):
        subprocess.run([*self.enter, "ip", *arguments], check=True)

    def close(self):
        # Back to where the other tests expect it.
        self.ip("link", "set", "v1", "netns", str(subprocess.os.getpid()))
        subprocess.run(["ip", "link", "set", "v1", "up"], check=True)
        self.process.stop()


@pytest.fixture
def house():
    house = House()
    try:
        yield house
    finally:
        house.close()


async def test_the_conversation_goes_on_after_the_address_changed(tmp_path, house):
    house.ip("address", "add", "10.99.0.50/24", "dev", "v1")
    server = Server(tmp_path, listen=ADDRESS)
    server.start()
    echo = Echo(server, "room", house.enter)
    anna = Person()
    try:
        echo.wait_for("joined")
        await anna.join(server, "room", "anna")
        anna.hertz = 440
        await anna.publish()
        await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)

        house.ip("address", "del", "10.99.0.50/24", "dev", "v1")
        house.ip("address", "add", "10.99.0.77/24", "dev", "v1")
        await anna.until("silence", lambda: anna.share_of(440) < 0.1)

        await anna.until("the tone back", lambda: anna.share_of(440) > 0.8)
        echo.wait_for("resumed")
    finally:
        await anna.leave()
        echo.stop()
        server.stop()
