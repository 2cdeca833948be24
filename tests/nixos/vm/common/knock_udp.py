"""Sends one empty datagram to each UDP port of an address."""

import socket
import sys
import time

[address] = sys.argv[1:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as knock:
    for port in range(1, 65536):
        knock.sendto(b"", (address, port))
        # No faster than the other machine takes them.
        if port % 128 == 0:
            time.sleep(0.01)
