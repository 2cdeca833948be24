"""A Debian that boots its own systemd, in a folder whose changes are gone when the tests end.

Run inside `tests/in-namespace`: processes, mounts and wires of the container end with it, however it ends.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cgroups import ControlGroups

NAME = "jex"
# What the container's only wire leads to: this side, and its own.
OUTSIDE = "10.99.1.1"
INSIDE = "10.99.1.2"

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "LANG": "C.UTF-8", "HOME": "/root"}


def wait_until(holds, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return value


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


class Container:
    def __init__(self, debian: Path, scratch: Path, log: Path):
        self.log = log
        self.root = scratch / "root"
        self._lay_over(debian, scratch)
        self._cgroups = ControlGroups()
        self._binds: list[str] = []
        self._process: subprocess.Popen | None = None
        self._leader = 0

    def _lay_over(self, debian: Path, scratch: Path):
        """Only this mount namespace sees it, and memory holds it."""
        run("mount", "-t", "tmpfs", "-o", "mode=755", "none", scratch)
        for folder in ("root", "upper", "work"):
            (scratch / folder).mkdir()
        layers = f"lowerdir={debian},upperdir={scratch / 'upper'},workdir={scratch / 'work'}"
        run("mount", "-t", "overlay", "-o", layers, "none", self.root)
        # What systemd-nspawn notes of running containers.
        Path("/run/systemd").mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "none", "/run/systemd")

    def bind(self, source: Path, target: str):
        self._binds.append(f"--bind-ro={source}:{target}")

    def write(self, path: str, content: str, mode: int = 0o644):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(mode)

    def boot(self):
        command = [
            "systemd-nspawn",
            "--boot",
            "--quiet",
            f"--directory={self.root}",
            f"--machine={NAME}",
            "--settings=no",
            "--register=no",
            "--keep-unit",
            "--network-veth",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            # Units that filter packets need bpf, credentials a keyring.
            "--capability=all",
            "--system-call-filter=bpf add_key keyctl",
            *self._binds,
        ]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                self._cgroups.entering(command),
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for pytest, which then stops it.
                start_new_session=True,
            )
        self._leader = wait_until(self._first_process, 10, "its first process")
        wait_until(self._is_up, 30, "it has booted")
        run("ip", "address", "add", f"{OUTSIDE}/24", "dev", f"ve-{NAME}")
        run("ip", "link", "set", f"ve-{NAME}", "up")
        self.run("ip", "address", "add", f"{INSIDE}/24", "dev", "host0")
        self.run("ip", "link", "set", "host0", "up")
        self.run("ip", "route", "add", "default", "via", OUTSIDE)

    def _first_process(self) -> int:
        assert self._process.poll() is None, f"systemd-nspawn ended:\n{self.log.read_text()[-4000:]}"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for child in children:
            with contextlib.suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        return 0

    def _is_up(self) -> bool:
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def run(self, *command: str, check: bool = True, timeout: float = 30) -> subprocess.CompletedProcess:
        """Runs a command as root in all namespaces of the container."""
        namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        done = subprocess.run(
            ["nsenter", f"--target={self._leader}", *namespaces, "--root", "--wd=/", *command],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    @contextlib.contextmanager
    def listening(self, port: int):
        """Somebody in the container who takes every connection to this port of its loopback."""
        program = (
            f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print(flush=True); time.sleep(60)"
        )
        command = ["nsenter", f"--target={self._leader}", "--net", sys.executable, "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            server.stdout.readline()
            yield
            server.kill()

    def said(self, *command: str, **options) -> str:
        return self.run(*command, **options).stdout.strip()

    def property(self, unit: str, name: str) -> str:
        return self.said("systemctl", "show", "--value", f"--property={name}", unit)

    def journal(self, *units: str) -> str:
        return self.said("journalctl", "--no-pager", "--output=cat", *(f"--unit={unit}" for unit in units))

    def stop(self):
        if self._process is None:
            return
        # Asks for an orderly end.
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._cgroups.remove()
