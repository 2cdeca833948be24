"""A daemon that hangs is killed and started anew."""

import time

import pytest

import units
from conftest import start
from container import wait_until


@pytest.fixture(scope="module")
def hung(container):
    """All of them, at the same moment: which process of each it was, and when."""
    start(container)
    processes = {unit: container.property(unit, "MainPID") for unit in units.DAEMONS}
    container.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", *units.DAEMONS)
    return processes, time.monotonic()


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_a_hung_daemon_is_killed_and_started_anew(container, hung, unit):
    processes, begun = hung
    patience = int(units.values(unit, "WatchdogSec")[0].removesuffix("s"))

    def is_another():
        return container.property(unit, "MainPID") not in ("0", processes[unit])

    wait_until(is_another, begun + patience + 5 - time.monotonic(), "another process")
    wait_until(lambda: container.property(unit, "ActiveState") == "active", 10, "active again")
    assert "Watchdog timeout" in container.journal(unit)
