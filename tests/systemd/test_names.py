"""Which names leave this machine, and by whom."""

import re
import socket
import threading

import pytest

import units
from container import OUTSIDE, wait_until
from packets import counted, from_cgroup_of

RESOLVER_PORT = int(re.search(r"^port=(\d+)$", (units.FILES / "jex-resolver.conf").read_text(), re.MULTILINE)[1])
ALLOWED = "registry.ollama.ai"
ELSEWHERE = ["what-was-said.example.org", f"what-was-said.{ALLOWED}", "ollama.ai", "ai"]
PROXY = "3proxy.service"
A, TXT, AAAA = 1, 16, 28
HEADER_BYTES = 12


def name_in(query: bytes) -> str:
    labels, at = [], HEADER_BYTES
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels)


@pytest.fixture
def asked():
    """What the name server of the network is asked; it knows every name."""
    names = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((OUTSIDE, 53))
        server.settimeout(0.2)
        ended = threading.Event()

        def answer():
            while not ended.is_set():
                try:
                    query, sender = server.recvfrom(512)
                except TimeoutError:
                    continue
                names.append(name_in(query))
                record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + socket.inet_aton("192.0.2.1")
                server.sendto(
                    query[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + query[HEADER_BYTES:] + record, sender
                )

        thread = threading.Thread(target=answer)
        thread.start()
        yield names
        ended.set()
        thread.join()


@pytest.fixture
def resolving(booted):
    """The resolver, and a process in the place of the proxy, which Debian does not have."""
    booted.write("/etc/resolv.conf", f"nameserver {OUTSIDE}\n")
    proxy = re.sub("^ExecStart=.*", "ExecStart=/usr/bin/sleep infinity", units.text(PROXY), flags=re.MULTILINE)
    booted.write(f"/etc/systemd/system/{PROXY}", units.for_debian(proxy))
    booted.run("systemctl", "daemon-reload")
    booted.run("systemctl", "start", "jex-resolver.service", PROXY)
    wait_until(lambda: booted.said("ss", "-Hlun", f"sport = :{RESOLVER_PORT}"), 10, "the resolver listens")
    return booted


def is_answered(container, unit: str, name: str, kind: int = A) -> bool:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + labels + b"\x00\x00" + bytes([kind]) + b"\x00\x01"
    escaped = "".join(f"\\x{byte:02x}" for byte in query)
    script = f"exec 3<>/dev/udp/127.0.0.1/{RESOLVER_PORT}; printf '{escaped}' >&3; timeout 1 head -c 1 <&3 | wc -c"
    return from_cgroup_of(container, unit, script).stdout.strip() == "1"


def test_the_proxy_learns_the_address_of_a_name_that_may_be_reached(resolving, asked):
    assert is_answered(resolving, PROXY, ALLOWED)
    assert asked == [ALLOWED]


@pytest.mark.parametrize("kind", [A, AAAA])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_another_name_stays_here(resolving, asked, name, kind):
    assert is_answered(resolving, PROXY, name, kind)
    assert asked == []


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_nobody_but_the_proxy_may_ask(resolving, asked, unit):
    assert not is_answered(resolving, unit, ALLOWED, TXT)
    assert not is_answered(resolving, unit, ELSEWHERE[0], TXT)
    assert asked == []


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_a_resolver_of_the_machine_is_out_of_reach(booted, unit):
    before = counted(booted, unit)

    from_cgroup_of(booted, unit, "echo >/dev/udp/127.0.0.53/53")

    assert counted(booted, unit) > before


@pytest.mark.parametrize("unit", units.DAEMONS)
def test_nobody_is_asked_over_the_bus(probe, unit):
    assert probe(unit, "test -S /run/dbus/system_bus_socket && echo reached || echo refused").strip() == "refused"
