"""A daemon reaches this machine only, and what it tries beyond is counted."""

import json
import socket

import pytest

import units
from container import OUTSIDE, wait_until


@pytest.fixture
def listener():
    """Somebody at the other end of the wire."""
    with socket.create_server((OUTSIDE, 0)) as server:
        yield server.getsockname()[1]


def from_cgroup_of(container, unit: str, script: str):
    """A process that systemd and nftables take for one of the unit's."""
    join = f"echo $$ >/sys/fs/cgroup/system.slice/{unit}/cgroup.procs"
    return container.run("timeout", "3", "bash", "-c", f"{join} && {script}", check=False)


def connect(port: int) -> str:
    return f"exec 3<>/dev/tcp/{OUTSIDE}/{port} && echo connected"


def counter(unit: str) -> str:
    """Its name, which is that of the set with the unit's control group."""
    return units.values(unit, "NFTSet")[0].split(":")[-1]


def counted(container, unit: str) -> int:
    listed = json.loads(container.said("nft", "--json", "list", "counter", "inet", "jex", counter(unit)))
    return next(entry["counter"]["packets"] for entry in listed["nftables"] if "counter" in entry)


def test_the_wire_leads_outside(booted, listener):
    assert booted.said("bash", "-c", connect(listener)) == "connected"


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_a_connection_to_outside_is_refused_and_counted(booted, listener, unit):
    before = counted(booted, unit)

    tried = from_cgroup_of(booted, unit, connect(listener))

    assert tried.stdout == "" and "connect:" in tried.stderr
    assert counted(booted, unit) > before


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_it_is_counted_when_the_firewall_was_loaded_anew(booted, listener, unit):
    booted.run("systemctl", "reload", "nftables.service")
    wait_until(lambda: "elements" in booted.said("nft", "list", "set", "inet", "jex", counter(unit)), 10, "its element")

    from_cgroup_of(booted, unit, connect(listener))

    assert counted(booted, unit) > 0


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_without_nftables_systemd_still_lets_nothing_out(booted, listener, unit):
    booted.run("nft", "flush", "ruleset")
    try:
        tcp = from_cgroup_of(booted, unit, connect(listener))
        udp = from_cgroup_of(booted, unit, f"echo >/dev/udp/{OUTSIDE}/9")
    finally:
        booted.run("systemctl", "reload", "nftables.service")

    assert tcp.stdout == "" and tcp.returncode
    assert "Operation not permitted" in udp.stderr


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_it_reaches_this_machine(booted, unit):
    tried = from_cgroup_of(booted, unit, "exec 3<>/dev/tcp/127.0.0.1/7880 && echo connected")

    assert tried.stdout == "connected\n"
