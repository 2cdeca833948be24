"""A daemon reaches this machine only, and what it tries beyond is counted."""

import re
import socket

import pytest

import units
from container import OUTSIDE, wait_until
from packets import counted, counter, from_cgroup_of

# Ports of the proxy, and whose each is.
ROUTES = re.findall(r"tcp dport (\d+) socket cgroupv2 level 2 != @(\w+) reject", (units.FOLDER / "jex.nft").read_text())


@pytest.fixture
def listener():
    """Somebody at the other end of the wire."""
    with socket.create_server((OUTSIDE, 0)) as server:
        yield server.getsockname()[1]


def connect(port: int) -> str:
    return f"exec 3<>/dev/tcp/{OUTSIDE}/{port} && echo connected"


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
@pytest.mark.parametrize(("port", "owner"), ROUTES)
def test_the_way_out_of_one_is_closed_to_the_others(booted, unit, port, owner):
    with booted.listening(int(port)):
        tried = from_cgroup_of(booted, unit, f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected")

    assert (tried.stdout == "connected\n") == (counter(unit) == owner)


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_it_reaches_this_machine(booted, unit):
    tried = from_cgroup_of(booted, unit, "exec 3<>/dev/tcp/127.0.0.1/7880 && echo connected")

    assert tried.stdout == "connected\n"
