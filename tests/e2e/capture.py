"""Every packet of every interface of this network namespace, but loopback's own."""

import ipaddress
import socket
import struct
import threading

ETH_P_ALL = 0x0003


class Capture:
    """Collects packets for anywhere but this machine while it is open."""

    def __init__(self, own: set[str]):
        self.own = {ipaddress.ip_address(address) for address in own}
        self.outward: list[str] = []
        self.seen = 0

    def __enter__(self):
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.settimeout(0.2)
        self._open = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._open = False
        self._thread.join()
        self._socket.close()

    def _run(self):
        while self._open:
            try:
                packet, (interface, protocol, *_) = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            self.seen += 1
            destination, port = parse(protocol, packet)
            if destination is None:
                continue
            if destination.is_loopback or destination in self.own:
                continue
            # The kernel's own link-local chatter (neighbour and group discovery) is not ours.
            if destination.is_multicast and port is None:
                continue
            self.outward.append(f"{interface}: {destination} port {port}{asked_name(protocol, packet, port)}")


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
