"""One whole JEX for each file: LiveKit, Whisper, Piper, PostgreSQL and n8n as they are, a scripted model.

Run inside a private network namespace (`tests/in-namespace`): libwebrtc ignores loopback, and nothing may leave the
machine.
"""

import pytest

from house import House, lived_in, scripted
from speech import Speech

pytest_plugins = ["ending"]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    running = House(tmp_path_factory.mktemp("home"), scripted().url)
    with lived_in(running):
        yield running


@pytest.fixture(scope="module")
def speech(house):
    return Speech(house)
