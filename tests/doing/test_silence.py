"""n8n calls nobody: not when it starts, not while it runs, not with its editor open."""

import os
import subprocess
import time
import urllib.request
from pathlib import Path

from capture import Capture
from house import N8N, wait_until

# All that this machine is in the namespace of the tests.
OWN = {"10.99.0.1"}
SECONDS = int(os.environ.get("JEX_TEST_SILENCE_SECONDS", "15"))


def its_pages_are_there() -> bool:
    """A moment after it answers as ready."""
    try:
        with urllib.request.urlopen(N8N, timeout=5) as reply:
            return b"<title>" in reply.read()
    except OSError:
        return False


def test_it_calls_nobody(house):
    password = (house.home / "state" / "jex" / "secrets" / "n8n-owner-password").read_text().strip()
    editor = Path(__file__).parents[1] / "browser" / "editor.mjs"
    with Capture(OWN) as capture:
        killed = house.kill("n8n")
        house.wait_returned("n8n", killed)
        wait_until(its_pages_are_there, 90, "n8n serves its pages")
        opened = subprocess.run(
            ["node", editor, N8N, "owner@jex.local", password, str(SECONDS)],
            env=os.environ | {"JEX_PARTS": house.env["JEX_PARTS"]},
            capture_output=True,
            text=True,
            timeout=SECONDS + 180,
        )
        assert opened.returncode == 0, opened.stdout + opened.stderr
        assert "/workflow/" in opened.stdout, "the workflow is open"
        time.sleep(SECONDS)

    assert capture.seen > 100
    assert capture.outward == []
