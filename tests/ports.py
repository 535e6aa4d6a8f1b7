"""Ports for programs that are told at which to listen."""

import random
import socket
from contextlib import suppress
from pathlib import Path

LOWEST = 10_000


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody listens at. The system gives none of them to whoever only connects to something,
    so they are still free when a program takes them."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    highest = int(given.read_text().split()[0]) if given.exists() else 32_768
    found: set[int] = set()
    chance = random.SystemRandom()
    while len(found) < count:
        port = chance.randrange(LOWEST, highest)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(port)
    return list(found)
