"""The official Python SDK against livekit-participant, on the real livekit-server.

Run inside a private network namespace (`tests/in-namespace`): libwebrtc ignores loopback.
"""

import uuid

import pytest
import pytest_asyncio

from person import Person
from server import Echo, Server

pytest_plugins = ["ending"]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("livekit"))
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def room() -> str:
    return f"room-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def echo(server, room):
    """`examples/echo.rs` in the room."""
    running = Echo(server, room)
    running.wait_for("joined")
    try:
        yield running
    finally:
        running.stop()


@pytest_asyncio.fixture
async def anna(server, echo, room):
    """A person on the official SDK in the same room."""
    person = Person()
    await person.join(server, room, "anna")
    try:
        yield person
    finally:
        await person.leave()
