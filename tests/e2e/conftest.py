"""One real stack for all end-to-end tests: LiveKit, Redis, Ollama, Whisper, Piper, agent, page.

Run inside a private network namespace (`tests/in-namespace`): libwebrtc ignores loopback, and
nothing may leave the machine.
"""

import os
from pathlib import Path

import pytest

from speech import Speech
from stack import Stack

pytest_plugins = ["ending"]


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    home = Path(os.environ.get("JEX_TEST_HOME") or tmp_path_factory.mktemp("home"))
    running = Stack(home)
    running.up()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def speech(stack):
    """The stack's own Piper and Whisper, through the official Wyoming client."""
    return Speech(stack)


@pytest.fixture(autouse=True)
def healthy(request):
    """Each test begins with every component ready, whatever the one before killed."""
    if "stack" in request.fixturenames:
        request.getfixturevalue("stack").wait_ready()
    yield
