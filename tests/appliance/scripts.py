"""The appliance's own scripts, run as its units run them, but with their state in folders of the test."""

import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# What nixpkgs' writeShellApplication and `backup.nix` put before each.
HEAD = "set -o errexit -o nounset -o pipefail\numask 077\n"


def run(name: str, parts: list[str], *arguments, env=None, says: str = "") -> subprocess.CompletedProcess:
    """One script out of its parts; `says` is typed into it."""
    text = HEAD + "".join((CHECKOUT / part).read_text() for part in parts)
    return subprocess.run(
        ["bash", "-c", text, name, *map(str, arguments)],
        env=os.environ | (env or {}),
        input=says,
        capture_output=True,
        text=True,
        timeout=120,
    )
