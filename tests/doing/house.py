"""A whole JEX with a model whose answers a test writes, and what its n8n has to say."""

import asyncio
import json
import os
import sys
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "acting"))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from caller import calling
from model import Model, call, words
from stack import Stack

N8N = "http://127.0.0.1:5690"
SETTINGS = """
[tools.policy]
take_note = "never"
slow_look = "allow"
"""


def answer(messages: list[dict]) -> list[dict]:
    """Calls what it is asked for and then says what came of it: a model that does no more than it is told."""
    last = messages[-1]
    if last["role"] == "tool":
        results = [json.loads(message["content"]) for message in messages if message["role"] == "tool"]
        result = results[-1]
        return words(f"{result['tool'].replace('_', ' ')}: {result['status']}. {told(result['data'])}")
    said = last["content"].lower()
    for tool, keys, arguments in ASKED:
        if all(key in said for key in keys):
            return call(tool, **arguments)
    return words("I see.")


ASKED = [
    ("set_reminder", ["remind", "water"], {"text": "drink water", "when": "in one minute"}),
    ("forget_last_minutes", ["forget", "hour"], {"minutes": 60}),
    ("read_list", ["what", "list"], {"list": "shopping"}),
    ("add_to_list", ["milk"], {"item": "milk", "list": "shopping"}),
    ("add_to_list", ["eggs"], {"item": "eggs", "list": "shopping"}),
    ("take_note", ["note"], {"text": "a note"}),
    ("slow_look", ["slow"], {}),
]


def told(data) -> str:
    """The words of a result, without what could not be read aloud."""
    if isinstance(data, dict):
        return " ".join(told(value) for value in data.values())
    if isinstance(data, list):
        return ", ".join(told(value) for value in data)
    return str(data)


class House(Stack):
    def __init__(self, home: Path, model_url: str, model: str = "scripted"):
        super().__init__(home)
        self.env |= {
            "JEX_LLM__PROVIDER": "openai-compatible",
            "JEX_LLM__URL": model_url,
            "JEX_LLM__MODEL": model,
        }
        settings = home / "config" / "jex" / "jex.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(SETTINGS)

    def _key(self) -> str:
        return (self.home / "state" / "jex" / "secrets" / "n8n-api-key").read_text().strip()

    def n8n(self, method: str, path: str, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-N8N-API-KEY": self._key()}
        request = urllib.request.Request(f"{N8N}/api/v1/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def runs_of(self, tool: str) -> list[dict]:
        """n8n's runs of a tool, with what they were given and made."""
        workflow = self.workflow(tool)
        found = []
        for status in ("", "&status=running"):
            page = self.n8n("GET", f"executions?workflowId={workflow}&includeData=true&limit=100{status}")
            found += page["data"]
        return found

    def workflow(self, tool: str) -> str:
        for workflow in self.n8n("GET", "workflows?limit=100")["data"]:
            paths = [node["parameters"].get("path") for node in workflow["nodes"]]
            if tool in paths:
                return workflow["id"]
        raise AssertionError(f"n8n has no workflow with the webhook {tool}")

    def publish(self, workflow: dict):
        credentials = self.n8n("GET", "credentials")["data"]
        webhook = next(one["id"] for one in credentials if one["name"] == "JEX webhook")
        for node in workflow["nodes"]:
            for credential in node.get("credentials", {}).values():
                credential["id"] = webhook
        made = self.n8n("POST", "workflows", workflow)["id"]
        tag = next(one["id"] for one in self.n8n("GET", "tags")["data"] if one["name"] == "jex")
        self.n8n("PUT", f"workflows/{made}/tags", [{"id": tag}])
        self.n8n("POST", f"workflows/{made}/activate", {})

    def tools(self) -> dict:
        with urllib.request.urlopen("http://127.0.0.1:7890/tools", timeout=10) as reply:
            return json.load(reply)

    def wait_tool(self, name: str, seconds: float = 180):
        wait_until(lambda: any(tool["name"] == name for tool in self.tools()["tools"]), seconds, f"the tool {name}")

    def history(self) -> list[dict]:
        """All conversations, whole, the newest first."""
        listed = json.loads(self.run("history", "list", "--json").stdout)
        return [json.loads(self.run("history", "show", one["id"], "--json").stdout) for one in listed]

    def said(self, text: str) -> int:
        return sum(turn["said"] == text for whole in self.history() for turn in whole["turns"])


@contextmanager
def lived_in(house: House):
    """It is up, with its workflows, until this is over."""
    house.up()
    try:
        house.wait_tool("set_reminder")
        yield house
    finally:
        house.stop()


def wait_until(condition, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.2)
    return found


def slow_look(seconds: int) -> dict:
    """A workflow of the owner's own that takes long."""
    note = {
        "description": "Looks for a long time.",
        "parameters": {"type": "object", "properties": {}},
        "effect": "reads",
    }

    def node(name: str, kind: str, version: float, parameters: dict, **more) -> dict:
        return {
            "id": name,
            "name": name,
            "type": f"n8n-nodes-base.{kind}",
            "typeVersion": version,
            "position": [0, 0],
            "parameters": parameters,
        } | more

    webhook = {
        "path": "slow_look",
        "httpMethod": "POST",
        "authentication": "headerAuth",
        "responseMode": "responseNode",
        "options": {},
    }
    nodes = [
        node("jex", "stickyNote", 1, {"content": f"```json\n{json.dumps(note)}\n```"}),
        node(
            "Webhook",
            "webhook",
            2.1,
            webhook,
            webhookId="slow-look",
            credentials={"httpHeaderAuth": {"id": "", "name": "JEX webhook"}},
        ),
        node("Wait", "wait", 1.1, {"amount": seconds}),
        node(
            "Tell",
            "respondToWebhook",
            1.4,
            {"respondWith": "json", "responseBody": '={{ JSON.stringify({ result: "seen" }) }}'},
        ),
    ]
    follows = [("Webhook", "Wait"), ("Wait", "Tell")]
    connections = {one: {"main": [[{"node": next_, "type": "main", "index": 0}]]} for one, next_ in follows}
    return {"name": "Slow look", "nodes": nodes, "connections": connections, "settings": {"executionOrder": "v1"}}


class Guest:
    """Somebody in the room, in words: says, types, is asked and told."""

    def __init__(self, caller, speech):
        self.caller, self.speech = caller, speech

    async def says(self, text: str):
        self.caller.say(*await asyncio.to_thread(self.speech.say, text))

    async def types(self, text: str):
        await self.caller.type(text)

    def question(self) -> dict:
        return json.loads(self.caller.attribute("jex.question") or "{}")

    async def asked(self, *parts: str, seconds: float = 60) -> dict:
        """The question, once it was spoken to its end."""
        await self.caller.until(lambda: self.question().get("until"), seconds, "a question")
        question = self.question()
        assert all(part in question["text"] for part in parts), question
        return question

    async def told(self, text: str, seconds: float = 60, times: int = 1):
        await self.caller.until(lambda: self.times_told(text) >= times, seconds, f"the words {text!r}")

    def times_told(self, text: str) -> int:
        return sum(text in segment.text.lower() for segment in self.caller.answers())


@asynccontextmanager
async def visiting(house, speech):
    async with calling(house) as caller:
        await caller.greeted()
        yield Guest(caller, speech)


def scripted() -> Model:
    return Model(answer)


def configured() -> tuple[str, str] | None:
    """Address and name of a real model to try, where one is named."""
    url, name = os.environ.get("JEX_TEST_MODEL_URL"), os.environ.get("JEX_TEST_MODEL")
    return (url, name) if url and name else None
