"""The agent with a PostgreSQL of its own, each as a process."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))

from server import KEY, SECRET, Process, free_port

TOKEN = "a token that workflows show"
OLD = "11111111-2222-4333-8444-555555555555"


def postgresql() -> Path:
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), Path(shutil.which("postgres") or "/nonexistent").parent]
    needed = ["initdb", "pg_ctl", "postgres", "psql"]
    folders = [folder for folder in found if all((folder / program).exists() for program in needed)]
    assert folders, "PostgreSQL is missing: apt-get install postgresql"
    return max(folders)


class Database:
    """PostgreSQL on a socket that only its user and root reach, as that is who runs it here."""

    def __init__(self, folder: Path):
        self.programs = postgresql()
        self.folder = folder
        folder.mkdir()
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            ids = pwd.getpwnam(self.user)
            os.chown(folder, ids.pw_uid, ids.pw_gid)
        self._run("initdb", "-D", folder / "data", "-A", "trust", "-U", "jex", "--no-sync")
        self.start()
        self._run("psql", "-h", folder, "-U", "jex", "-d", "postgres", "-c", "create database jex")

    def _run(self, program: str, *arguments) -> str:
        command = [self.programs / program, *arguments]
        done = subprocess.run(
            command, user=self.user, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def url(self) -> str:
        return f"postgres://jex@localhost/jex?host={self.folder}"

    def start(self):
        settings = f"-k {self.folder} -c listen_addresses="
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-o", settings, "-l", self.folder / "log", "start")

    def stop(self):
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")

    def rows(self, query: str) -> list[str]:
        return self._run("psql", "-h", self.folder, "-U", "jex", "-d", "jex", "-Atc", query).split("\n")[:-1]


class Agent(Process):
    def __init__(self, folder: Path, server, model, database: Database):
        programs = Path(os.environ["JEX_BIN"])
        self.port = free_port()
        env = {
            "HOME": str(folder),
            "JEX_PARTS": os.environ.get("JEX_PARTS") or str(Path.home() / ".cache/jex/parts.toml"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
            "JEX_DATABASE__URL": database.url,
            "JEX_AGENT__PORT": str(self.port),
            "JEX_LIVEKIT__PORT": str(server.port),
            "JEX_LIVEKIT__API_KEY_FILE": str(secret(folder, "key", KEY)),
            "JEX_LIVEKIT__API_SECRET_FILE": str(secret(folder, "secret", SECRET)),
            "JEX_LLM__PROVIDER": "openai-compatible",
            "JEX_LLM__URL": model.url,
            "JEX_LLM__MODEL": "scripted",
            "JEX_TTS__PROVIDER": "espeak-ng",
            "JEX_ASSISTANT__GREETING": "",
        }
        secret(folder / "state" / "jex" / "secrets", "announce-token", TOKEN)
        subprocess.run([programs / "jex", "db", "migrate"], env=os.environ | env, check=True, timeout=60)
        # Said longer ago than is kept.
        database.rows(
            "insert into conversations (id, began, ended, room, language) values "
            f"('{OLD}', now() - interval '100 days', now() - interval '99 days', '', 'en')"
        )
        database.rows(
            "insert into turns (id, conversation, at, speaker, participant, said, typed, interrupted) values "
            f"(gen_random_uuid(), '{OLD}', now() - interval '100 days', 'caller', 'ada', 'Long ago.', true, false)"
        )
        self.settings = env
        super().__init__([str(programs / "jex-agent")], env)
        self.wait_ready()

    def jex(self, *arguments: str):
        """The owner's command."""
        program = Path(os.environ["JEX_BIN"]) / "jex"
        subprocess.run([program, *arguments], env=os.environ | self.settings, check=True, timeout=60)

    def wait_ready(self, seconds: float = 30):
        end = time.monotonic() + seconds
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2).close()
                return
            except OSError:
                assert time.monotonic() < end, "\n".join(self.lines[-40:])
                time.sleep(0.1)

    def announce(self, number: str, text: str, token: str = TOKEN) -> int:
        body = json.dumps({"id": number, "text": text}).encode()
        headers = {"content-type": "application/json", "x-jex-token": token}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/announce", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            return error.code


def secret(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text + "\n")
    file.chmod(0o600)
    return file
