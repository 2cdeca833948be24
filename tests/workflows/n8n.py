"""The real n8n, with nothing in it at first, and what JEX does with it over HTTP."""

import json
import os
import signal
import socket
import subprocess
import time
import tomllib
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import files

TOKEN = "the token that JEX shows to n8n"
ANNOUNCE_TOKEN = "the token that n8n shows to JEX"

# What keeps it from calling anybody.
QUIET = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_DYNAMIC_BANNERS_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
    "N8N_DISABLED_MODULES": "mcp-registry",
    "N8N_AI_ASSISTANT_BASE_URL": "",
}


def part(key: str) -> str:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parts = Path(os.environ.get("JEX_PARTS") or cache / "jex" / "parts.toml")
    paths = tomllib.loads(parts.read_text()) if parts.exists() else {}
    assert key in paths, f"{parts} names no {key}: run ./dev parts"
    return paths[key]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(condition, seconds: float = 30, what: str = "it"):
    """What the condition gives once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)
    return found


def request(method: str, url: str, body=None, headers: dict | None = None) -> tuple[int, object, dict]:
    """Status, body (read as JSON where it is), headers; also of what is no success."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"} | (headers or {}), method=method)
    try:
        with urllib.request.urlopen(asked, timeout=60) as reply:
            status, raw, got = reply.status, reply.read().decode(), dict(reply.headers)
    except urllib.error.HTTPError as error:
        status, raw, got = error.code, error.read().decode(), dict(error.headers)
    try:
        return status, json.loads(raw), got
    except ValueError:
        return status, raw, got


class N8n:
    def __init__(self, folder: Path):
        self.folder = folder
        self.port = free_port()
        self.broker_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "n8n.log"
        self.key = ""
        self.workflows: dict[str, str] = {}

    def start(self):
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "N8N_USER_FOLDER": str(self.folder),
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_PORT": str(self.port),
            "N8N_RUNNERS_BROKER_PORT": str(self.broker_port),
            "N8N_BLOCK_ENV_ACCESS_IN_NODE": "true",
            "N8N_ENCRYPTION_KEY": "the same after a restart",
            "GENERIC_TIMEZONE": "Europe/Berlin",
        }
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [part("n8n"), "start"],
                env=env | QUIET,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._is_ready, 120, f"n8n is ready ({self.log})")

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return request("GET", f"{self.url}/healthz/readiness")[0] == 200
        except OSError:
            return False

    def kill(self):
        """n8n and its task runner, without warning."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def set_up(self):
        """An owner and the key of the public API; the credentials that JEX makes."""
        owner = {
            "email": "owner@jex.internal",
            "firstName": "The",
            "lastName": "owner",
            "password": "Passw0rd-of-a-test",
        }
        # It answers 404 until its pages are there, a moment after it is ready.
        setup = f"{self.url}/rest/owner/setup"
        _, _, headers = wait_until(lambda: self._succeeds("POST", setup, owner), what="the owner's set-up")
        cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        scopes = request("GET", f"{self.url}/rest/api-keys/scopes", headers=cookie)[1]["data"]
        self.key = self._api_key(cookie, "test", scopes)
        self.credential("JEX webhook", "httpHeaderAuth", name="X-Jex-Token", value=TOKEN)
        self.credential("JEX announce", "httpHeaderAuth", name="X-Jex-Token", value=ANNOUNCE_TOKEN)
        # Workflows can use it: it opens as little as does.
        reading = self._api_key(cookie, "reading", ["workflow:list"])
        self.credential("JEX n8n", "n8nApi", apiKey=reading, baseUrl=f"{self.url}/api/v1")
        self.tag = self.api("POST", "tags", {"name": "jex"})["id"]

    def _api_key(self, cookie: dict, label: str, scopes: list[str]) -> str:
        wanted = {"label": label, "expiresAt": None, "scopes": scopes}
        status, made, _ = request("POST", f"{self.url}/rest/api-keys", wanted, cookie)
        assert status == 200, made
        return made["data"]["rawApiKey"]

    def _succeeds(self, *asked):
        reply = request(*asked)
        return reply if reply[0] == 200 else None

    def api(self, method: str, path: str, body=None):
        status, reply, _ = request(method, f"{self.url}/api/v1/{path}", body, {"X-N8N-API-KEY": self.key})
        assert status in (200, 201), f"{method} {path}: {status} {reply}"
        return reply

    def credential(self, name: str, kind: str, /, **data):
        return self.api("POST", "credentials", {"name": name, "type": kind, "data": data})

    def publish(self, name: str, **changed: tuple[str, str]) -> str:
        """Imports `workflows/NAME.json` and publishes it; texts in it may be changed for the test. Its identity."""
        text = (files.FOLDER / f"{name}.json").read_text()
        for old, new in changed.values():
            assert old in text, f"{name} has no {old!r}"
            text = text.replace(old, new)
        made = self.api("POST", "workflows", json.loads(text))
        if files.note(made):
            self.api("PUT", f"workflows/{made['id']}/tags", [{"id": self.tag}])
        self.api("POST", f"workflows/{made['id']}/activate", {})
        self.workflows.setdefault(name, made["id"])
        return made["id"]

    def post(self, tool: str, body, token: str | None = TOKEN) -> tuple[int, object]:
        headers = {"X-Jex-Token": token} if token else {}
        return request("POST", f"{self.url}/webhook/{tool}", body, headers)[:2]

    def call(
        self, tool: str, *, call: str | None = None, language: str = "en", zone: str = "Europe/Berlin", **arguments
    ):
        """Calls a tool as JEX does: status and reply."""
        arguments = {name.rstrip("_"): value for name, value in arguments.items()}
        body = {"call": call or str(uuid.uuid4()), "arguments": arguments, "language": language, "timezone": zone}
        return self.post(tool, body)

    def result(self, tool: str, **asked):
        """What a tool gives when it works."""
        status, reply = self.call(tool, **asked)
        assert status == 200 and isinstance(reply, dict) and set(reply) == {"result"}, (status, reply)
        return reply["result"]

    def refusal(self, tool: str, **asked) -> str:
        """The sentence with which a tool fails."""
        status, reply = self.call(tool, **asked)
        assert status == 500 and isinstance(reply, dict) and set(reply) == {"error"}, (status, reply)
        return reply["error"]

    def table(self, name: str) -> str | None:
        tables = self.api("GET", "data-tables?limit=100")["data"]
        return next((table["id"] for table in tables if table["name"] == name), None)

    def rows(self, name: str) -> list[dict]:
        table = self.table(name)
        return self.api("GET", f"data-tables/{table}/rows?limit=100")["data"] if table else []
