"""One stage for all: LiveKit, PostgreSQL, a model that says what is written here, and the agent."""

import json
import sys
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))

from agent import Agent, Database
from model import Model, call, words
from person import Person
from server import Server

pytest_plugins = ["ending"]

FACT = "The caller's bicycle is red."
SUMMARY = "The caller told of pears."


def answer(messages: list[dict]) -> list[dict]:
    """Remembers what it is told to, then says what came of it."""
    last = messages[-1]
    if messages[0]["content"].startswith("Sum up"):
        return words(SUMMARY)
    if last["role"] == "tool":
        status = json.loads(last["content"])["status"]
        return words(f"The tool says: {status}.")
    if "remember" in last["content"].lower():
        return words("Let me see.") + call("remember", fact=FACT)
    if "forget my" in last["content"].lower():
        return call("forget_fact", about=last["content"].lower().split("forget ")[1])
    if "bye" in last["content"].lower():
        return words("It was nice to talk.") + call("end_conversation")
    if "take your time" in last["content"].lower():
        time.sleep(5)
    if "forget it all" in last["content"].lower():
        return call("forget_last_minutes", minutes=600)
    if "time" in last["content"].lower():
        return call("tell_time")
    if "write it out" in last["content"].lower() or "no valid tool call" in last["content"]:
        return words('Sure. {"tool": "tell_time", "arguments": {}} There you are.')
    return words("Hello.")


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("acting")
    # PostgreSQL runs as a user of its own where root runs the tests.
    for above in [folder, *folder.parents][:3]:
        above.chmod(above.stat().st_mode | 0o055)
    server = Server(folder)
    server.start()
    database = Database(folder / "pg")
    model = Model(answer)
    agent = Agent(folder, server, model, database)
    yield SimpleNamespace(server=server, model=model, database=database, agent=agent)
    agent.stop()
    database.stop()
    server.stop()


class Caller(Person):
    async def enter(self, server):
        room = f"talk-{uuid.uuid4().hex[:8]}"
        await self.join(server, room, "ada")
        await self.until("agent", lambda: self.attributes.get("lk.agent.state") == "listening")

    @property
    def is_in(self) -> bool:
        return self.room.isconnected()

    @property
    def attributes(self) -> dict:
        others = list(self.room.remote_participants.values())
        return dict(others[0].attributes) if others else {}

    async def types(self, text: str):
        await self.room.local_participant.send_text(text, topic="lk.chat")

    async def wants(self, text: str):
        """Asks for it and, once asked, says yes."""
        await self.types(text)
        await self.asked()
        await self.types("Yes.")

    async def presses(self, question: dict, yes: bool):
        await self.room.local_participant.perform_rpc(
            destination_identity=next(iter(self.room.remote_participants)),
            method="jex.answer",
            payload=json.dumps({"question": question["id"], "yes": yes}),
        )

    async def asked(self) -> dict:
        """The question, once it was spoken to its end."""

        def question():
            return json.loads(self.attributes.get("jex.question") or "{}")

        await self.until("question", lambda: question().get("until"))
        return question()

    async def hears(self, text: str, times: int = 1):
        await self.until(text, lambda: sum(text in told.text for told in self.texts) >= times)


@pytest_asyncio.fixture
async def caller(stage):
    person = Caller()
    await person.enter(stage.server)
    yield person
    await person.leave()
