"""A daemon says when it is ready, and ends when it is asked to."""

import time

import pytest

import units

# Nothing is said at the moment, so there is nothing to wait for.
STOP_SECONDS = 3


def test_systemd_understands_every_line_of_our_units(booted):
    complaints = [
        line
        for line in booted.said("journalctl", "--no-pager", "--output=cat", "_PID=1").splitlines()
        if line.startswith("/etc/systemd/system/")
    ]

    assert complaints == []


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_it_is_active_once_it_has_said_so(booted, unit):
    assert booted.property(unit, "Type") == "notify"
    assert booted.property(unit, "ActiveState") == "active"
    assert booted.property(unit, "NRestarts") == "0"


def test_the_agent_registers_with_livekit(booted):
    assert "registered with LiveKit" in booted.journal("jex-agent.service")


def test_the_page_is_served(booted):
    page = booted.said("curl", "--fail", "--silent", "http://localhost:3000/")

    assert "<html" in page


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_it_stops_soon_and_by_itself(booted, unit):
    begun = time.monotonic()
    booted.run("systemctl", "stop", unit)
    took = time.monotonic() - begun

    assert booted.property(unit, "Result") == "success"
    assert took < STOP_SECONDS


def test_none_of_our_units_has_failed(booted):
    failed = [unit for unit in units.OURS if booted.property(unit, "ActiveState") == "failed"]

    assert failed == [], booted.journal(*failed)
