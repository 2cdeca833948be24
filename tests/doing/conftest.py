"""One whole JEX for each file: LiveKit, Whisper, Piper, PostgreSQL and n8n as they are, a scripted model.

Run inside a private network namespace (`tests/in-namespace`): libwebrtc ignores loopback, and nothing may leave the
machine.
"""

import pytest

from house import House, scripted
from speech import Speech


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    running = House(tmp_path_factory.mktemp("home"), scripted().url)
    running.up()
    try:
        running.wait_tool("set_reminder")
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def speech(house):
    return Speech(house)
