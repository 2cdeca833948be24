"""`./dev up` where everything is made already."""

import os
import subprocess
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SECOND_START_LIMIT_S = 15


@pytest.fixture
def started_again(stack):
    yield
    stack.up()


def test_a_second_start_shows_the_address_in_time(stack, started_again):
    # A machine that is busy elsewhere only adds.
    stack.stop()
    took = []
    while len(took) < 3 and min(took, default=SECOND_START_LIMIT_S) >= SECOND_START_LIMIT_S:
        took.append(start(stack))

    assert min(took) < SECOND_START_LIMIT_S, took


def start(stack) -> float:
    """Seconds until the address is shown. Ended again."""
    # Toolchains and caches are in the owner's home.
    env = stack.env | {"HOME": os.environ["HOME"], "CARGO_TARGET_DIR": str(stack.jex.parents[1])}
    at = time.monotonic()

    dev = subprocess.Popen(
        ["./dev", "up"], cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = []
    for line in dev.stdout:
        said.append(line)
        if "open http://localhost:3000" in line:
            break
    took = time.monotonic() - at

    # Where it is not even running, what it said tells why.
    stack.run("stop", check=False)
    said += dev.communicate(timeout=30)[0]
    assert dev.returncode == 0, "".join(said)
    return took
