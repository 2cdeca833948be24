"""The real livekit-server and the echo example, each as a process."""

import os
import queue
import socket
import subprocess
import threading
import time
import tomllib
from pathlib import Path

from livekit import api

ADDRESS = "10.99.0.1"
KEY = "test-key"
SECRET = "a test secret of at least thirty-two characters"


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


class Process:
    """A process whose lines can be waited for."""

    def __init__(self, command: list[str], env: dict[str, str] | None = None):
        self.lines: list[str] = []
        self._new: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            command,
            env=os.environ | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            self._new.put(line)
        self._new.put(None)

    def wait_for(self, text: str, seconds: float = 20) -> str:
        end = time.monotonic() + seconds
        while True:
            for line in self.lines:
                if text in line:
                    return line
            try:
                ended = self._new.get(timeout=max(0.0, end - time.monotonic())) is None
            except queue.Empty:
                ended = True
            if ended and not any(text in line for line in self.lines):
                raise AssertionError(f"no line with {text!r}:\n" + "\n".join(self.lines[-40:]))

    def wait(self, seconds: float = 10) -> int:
        return self.process.wait(seconds)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Server:
    def __init__(self, folder: Path, listen: str = "127.0.0.1"):
        self.port = free_port()
        self.listen = listen
        self.config = folder / "livekit.yaml"
        self.config.write_text(f"""\
port: {self.port}
bind_addresses: ["{listen}"]
rtc:
  tcp_port: {free_port()}
  port_range_start: 50000
  port_range_end: 50100
  node_ip: {ADDRESS}
  use_external_ip: false
  enable_loopback_candidate: true
keys:
  {KEY}: {SECRET}
logging:
  level: info
""")

    @property
    def url(self) -> str:
        return f"ws://{self.listen}:{self.port}"

    @property
    def http_url(self) -> str:
        return f"http://{self.listen}:{self.port}"

    def start(self):
        self.process = Process([part("livekit_server"), "--config", str(self.config)])
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((self.listen, self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < end, "\n".join(self.process.lines[-40:])
                time.sleep(0.05)

    def stop(self):
        self.process.stop()

    def restart(self):
        self.stop()
        self.start()

    def token(self, room: str, identity: str) -> str:
        grants = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True)
        return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


class Echo(Process):
    def __init__(self, server: Server, room: str, inside: list[str] | None = None, url: str | None = None):
        folder = os.environ.get("JEX_BIN") or Path(__file__).parents[2] / "target" / "release"
        program = Path(folder) / "examples" / "echo"
        assert program.exists(), f"{program} is missing: cargo build --release --examples"
        env = {
            "LIVEKIT_URL": url or server.url,
            "LIVEKIT_API_KEY": KEY,
            "LIVEKIT_API_SECRET": SECRET,
            "RUST_LOG": "livekit_participant=debug",
        }
        super().__init__([*(inside or []), str(program), room], env)
