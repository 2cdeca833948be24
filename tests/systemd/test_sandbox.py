"""What a daemon may do."""

import re

import pytest

import units

# Its own for as long as it runs: nobody else sees them, and they go with it.
PRIVATE = {"/tmp", "/var/tmp"}
EXPOSURE = 2.0


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_nothing_is_writable_but_its_own_directories(probe, unit):
    find = "find / -path /proc -prune -o -path /sys -prune -o -type d,f -writable -print 2>/dev/null || true"
    found = set(probe(unit, find).splitlines())

    shared = set(units.values(unit, "ReadWritePaths"))
    assert found - PRIVATE == units.directories(unit, "jex-probe") | shared


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_systemd_finds_it_little_exposed(booted, unit):
    report = booted.said("systemd-analyze", "--no-pager", "security", unit)
    exposure = float(re.search(rf"Overall exposure level for {unit}: ([\d.]+)", report)[1])

    assert exposure <= EXPOSURE, report
