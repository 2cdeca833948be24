"""A copy of this checkout's scripts. Each of its paths has a space; its PATH has nothing but what a test puts there."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

ORIGINAL = Path(__file__).parents[2]

# What the scripts take for granted on Debian and Ubuntu.
BASE = """awk basename bash cat chmod comm cp cut df dirname du env find flock grep head id kill ln mkdir mktemp mv nice
readlink realpath rm sed sha256sum sh sleep sort tail touch tr true uname xargs""".split()

# Toolchains that are new enough, and what the distribution's packages bring.
TOOLCHAINS = {
    "rustc": "echo 'rustc 1.94.0 (0000000 2026-01-01)'",
    "cargo": 'echo "$1 1.94.0"',
    "go": "echo 'go version go1.26.1 linux/amd64'",
    "node": "echo v20.9.0",
    "npm": "true",
    "python3": 'case $2 in *platform*) echo 3.12.1 ;; *) echo "$0" ;; esac',
}
PACKAGES = """redis-server espeak-ng cc c++ make cmake chromium ip unshare shellcheck dialog jq curl openssl ssh-keygen
losetup mkfs.ext4 postgres initdb""".split()


class Checkout:
    def __init__(self, folder: Path):
        self.path = folder / "a checkout"
        self.cache = folder / "a cache" / "jex"
        self.home = folder / "a home"
        self.programs = folder / "programs"
        for made in (self.home, self.programs):
            made.mkdir()
        shutil.copytree(ORIGINAL / "parts", self.path / "parts")
        shutil.copytree(
            ORIGINAL / "web", self.path / "web", ignore=shutil.ignore_patterns("node_modules", ".next", "out")
        )
        shutil.copy(ORIGINAL / "dev", self.path)
        for name in BASE:
            (self.programs / name).symlink_to(shutil.which(name))
        for name, script in TOOLCHAINS.items():
            self.program(name, script)
        for name in PACKAGES:
            self.program(name, "true")
        self.env = {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.cache.parent),
            "PATH": str(self.programs),
            "LC_ALL": "C.UTF-8",
        }

    def program(self, name: str, script: str):
        """Puts a shell script on PATH."""
        file = self.programs / name
        file.unlink(missing_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def without(self, *names: str):
        for name in names:
            (self.programs / name).unlink()

    def part(self, name: str, make: str, words: str = ""):
        """Adds a part that is made by a piece of bash."""
        folder = self.path / "parts" / name
        folder.mkdir()
        get = folder / "get"
        get.write_text(f"""#!/usr/bin/env bash
source "$(dirname "$0")/../lib.sh"
on_path() {{ false; }}
make_part() {{
{make}
}}
lines() {{ toml {name} "$1/made"; }}
part {words}
""")
        get.chmod(0o755)

    def edit(self, file: str, old: str, new: str):
        path = self.path / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new))

    def start(self, script: str, *arguments: str, **env: str) -> subprocess.Popen:
        return subprocess.Popen(
            ["bash", str(self.path / script), *arguments],
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, *arguments: str, succeeds: bool = True, **env: str) -> subprocess.CompletedProcess:
        process = self.start(script, *arguments, **env)
        out, err = process.communicate(timeout=50)
        assert (process.returncode == 0) == succeeds, f"{script} ended with {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def path_of(self, part: str) -> Path:
        """Gets the part; where it lies then."""
        lines = self.run(f"parts/{part}/get").stdout
        return Path(re.fullmatch(r'\w+ = "(.*)"\n', lines)[1])


def kill(process: subprocess.Popen):
    """The process and everything that it started, without warning."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_until(condition, seconds: float = 20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
