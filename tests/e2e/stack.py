"""Starts and asks `jex` as its owner would, with a home of its own."""

import json
import os
import signal
import subprocess
import tempfile
import time
import tomllib
import urllib.request
from pathlib import Path


class Stack:
    def __init__(self, home: Path):
        self.home = home
        self.jex = Path(os.environ["JEX_BIN"]) / "jex"
        parts = os.environ.get("JEX_PARTS") or str(cache_home() / "jex" / "parts.toml")
        # Where root runs JEX, PostgreSQL is another user, who has to get there.
        self.database = tempfile.TemporaryDirectory(prefix="jex-database-")
        Path(self.database.name).chmod(0o755)
        self.env = os.environ | {
            "JEX_DATABASE__FOLDER": f"{self.database.name}/postgresql",
            "JEX_PARTS": parts,
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "JEX_LLM__TEMPERATURE": "0",
            "JEX_LLM__SEED": "1",
        }
        for folder in ("config", "data", "state", "run"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        (home / "run").chmod(0o700)

    def part(self, key: str) -> Path:
        return Path(tomllib.loads(Path(self.env["JEX_PARTS"]).read_text())[key])

    def run(self, *arguments: str, timeout: float = 120, check: bool = True):
        done = subprocess.run(
            [self.jex, *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"jex {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        return done

    def up(self):
        self.run("up", "--background", timeout=300)
        self.wait_ready()

    def stop(self):
        self.run("stop", timeout=30)

    def wait_ready(self, seconds: int = 120):
        self.run("status", "--wait", str(seconds), timeout=seconds + 10)

    def status(self) -> dict:
        return json.loads(self.run("status", "--json", check=False).stdout)

    def component(self, name: str) -> dict:
        return next(c for c in self.status()["components"] if c["name"] == name)

    def kill(self, name: str, with_signal=signal.SIGKILL) -> int:
        pid = self.component(name)["pid"]
        os.kill(pid, with_signal)
        return pid

    def wait_returned(self, name: str, killed: int, seconds: int = 120):
        """Until another process of the component is ready: one killed just now may still count as ready."""
        deadline = time.monotonic() + seconds
        while self.component(name)["pid"] in (killed, None):
            assert time.monotonic() < deadline, f"{name} did not come back: {self.status()}"
            time.sleep(0.1)
        self.wait_ready(seconds)

    def ask(self, *arguments: str, timeout: float = 90) -> dict:
        done = self.run("ask", "--json", *arguments, timeout=timeout)
        return json.loads(done.stdout)

    def token(self) -> dict:
        request = urllib.request.Request(
            "http://127.0.0.1:3000/api/token",
            data=b"{}",
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)


def cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
