"""Every packet of every interface of this network namespace."""

import ctypes
import ipaddress
import os
import socket
import struct
import threading

ETH_P_ALL = 0x0003
# From Linux's headers; Python's `socket` does not name them.
SO_ATTACH_FILTER = 26
SOL_PACKET = 263
PACKET_STATISTICS = 6

# Addresses and a question for a name fit; whole segments of loopback would fill the kernel's buffer.
SNAP_BYTES = 512
# A resolver on this machine asks outside for whoever asks it, so a question counts wherever it goes.
NAME_PORTS = {53, 853}
# For documentation (RFC 5737): nobody's.
OUTSIDE = ("192.0.2.1", 9)


class Capture:
    """Collects packets for anywhere but this machine while it is open.

    It sends one itself when it opens and when it closes: that these are seen shows that others would have been.
    """

    def __init__(self, own: set[str]):
        self.own = {ipaddress.ip_address(address) for address in own}
        self.outward: list[str] = []
        self.seen = 0
        self._first, self._last = Mark(), Mark()
        self._error: Exception | None = None

    def __enter__(self):
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        shorten(self._socket)
        self._socket.settimeout(0.2)
        self._open = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._first.arrives()
        return self

    def __exit__(self, *_):
        # All before it is looked at by then.
        self._last.arrives()
        self._open = False
        self._thread.join()
        _, dropped = struct.unpack("=II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self._socket.close()
        if self._error is not None:
            raise self._error
        assert dropped == 0, f"{dropped} packets went by before they were looked at"
        assert self._first.is_set() and self._last.is_set(), "the capture does not see a packet for outside"

    def _run(self):
        try:
            while self._open and not self._last.is_set():
                try:
                    packet, (interface, protocol, *_) = self._socket.recvfrom(SNAP_BYTES)
                except TimeoutError:
                    continue
                self._look_at(interface, protocol, packet)
        except Exception as error:
            self._error = error
            self._first.set()
            self._last.set()

    def _look_at(self, interface: str, protocol: int, packet: bytes):
        if self._first.is_in(packet) or self._last.is_in(packet):
            return
        self.seen += 1
        destination, port = parse(protocol, packet)
        if destination is None:
            return
        if (destination.is_loopback or destination in self.own) and port not in NAME_PORTS:
            return
        # The kernel's own link-local chatter (neighbour and group discovery) is not ours.
        if destination.is_multicast and port is None:
            return
        self.outward.append(f"{interface}: {destination} port {port}{asked_name(protocol, packet, port)}")


class Mark(threading.Event):
    """A packet for outside that nobody else sends. Set when it is seen."""

    def __init__(self):
        super().__init__()
        self._content = os.urandom(16)

    def arrives(self):
        """Sends it until it is seen."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(20):
                sender.sendto(self._content, OUTSIDE)
                if self.wait(0.5):
                    return

    def is_in(self, packet: bytes) -> bool:
        found = packet.endswith(self._content)
        if found:
            self.set()
        return found


def shorten(packets: socket.socket):
    """Has the kernel keep the first bytes of each packet only."""
    # `ret #SNAP_BYTES` of classic BPF.
    instruction = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, SNAP_BYTES))
    packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", 1, ctypes.addressof(instruction)))


def parse(protocol: int, packet: bytes):
    """Destination address and port (None for what has none)."""
    if protocol == 0x0800 and len(packet) >= 20:
        header = (packet[0] & 15) * 4
        kind, destination = packet[9], ipaddress.ip_address(packet[16:20])
    elif protocol == 0x86DD and len(packet) >= 40:
        header, kind, destination = 40, packet[6], ipaddress.ip_address(packet[24:40])
    else:
        return None, None
    if kind in (6, 17) and len(packet) >= header + 4:
        return destination, struct.unpack("!H", packet[header + 2 : header + 4])[0]
    return destination, None


def asked_name(protocol: int, packet: bytes, port: int | None) -> str:
    """Which name a DNS question is about: it tells who asked."""
    if port != 53 or protocol != 0x0800 or packet[9] != 17:
        return ""
    question = packet[(packet[0] & 15) * 4 + 8 + 12 :]
    labels = []
    while question and question[0]:
        labels.append(question[1 : question[0] + 1].decode("ascii", "replace"))
        question = question[question[0] + 1 :]
    return " asks for " + ".".join(labels)
