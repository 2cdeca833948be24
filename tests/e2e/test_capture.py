"""The capture that shows that nothing goes out does see what goes out."""

import socket
import threading

import pytest

from capture import Capture

OWN = {"10.99.0.1"}


def send(address: str, port: int, content: bytes = b"?"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(content, (address, port))


def test_a_packet_for_outside_counts():
    with Capture(OWN) as capture:
        send("198.51.100.7", 443)

    assert any("198.51.100.7 port 443" in packet for packet in capture.outward)


def test_packets_of_this_machine_for_itself_do_not():
    with Capture(OWN) as capture:
        send("127.0.0.1", 7880)
        send("10.99.0.1", 50000)

    assert capture.seen >= 2
    assert capture.outward == []


@pytest.mark.parametrize("resolver", ["127.0.0.53", "10.99.0.1"])
@pytest.mark.parametrize("port", [53, 853])
def test_a_question_for_a_name_counts_also_on_this_machine(resolver, port):
    with Capture(OWN) as capture:
        send(resolver, port)

    assert any(f"{resolver} port {port}" in packet for packet in capture.outward)


def test_the_machines_own_way_to_look_up_names_counts():
    with Capture(OWN) as capture, pytest.raises(OSError):
        socket.getaddrinfo("stun.example.com", 443)

    assert any("asks for stun.example.com" in packet for packet in capture.outward)


def test_an_error_of_the_capture_is_an_error_of_the_test(monkeypatch):
    def broken(*_):
        raise ValueError("cannot read this")

    capture = Capture(OWN)
    with pytest.raises(ValueError, match="cannot read this"), capture:
        monkeypatch.setattr("capture.parse", broken)
        send("198.51.100.7", 443)


def test_packets_that_were_not_looked_at_are_an_error(monkeypatch):
    leave = threading.Event()
    monkeypatch.setattr("capture.parse", lambda *_: (leave.wait(), (None, None))[1])

    with pytest.raises(AssertionError, match="packets went by"), Capture(OWN):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(20_000):
                sender.sendto(b"?", ("127.0.0.1", 7880))
        leave.set()
