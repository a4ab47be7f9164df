"""Ports for servers that a test starts in other processes, and that listen only after a while."""

from __future__ import annotations

import random
import socket
from typing import Final

from plait.cli.program import LOOPBACK

_PORTS: Final = range(10_000, 32_000)
"""Below those that the system gives to clients and to whoever asks for any."""
_held: Final[list[socket.socket]] = []


def free_port() -> int:
    """A port of the loopback address that nobody listens on, and that no other test is given while this process lives.

    Its namesake for datagrams, which no server of ours listens on, is kept bound: that tells the others.
    """
    while True:
        port, mark = random.choice(_PORTS), socket.socket(type=socket.SOCK_DGRAM)
        try:
            mark.bind((LOOPBACK, port))
            with socket.socket() as probe:
                probe.bind((LOOPBACK, port))
        except OSError:
            mark.close()
        else:
            _held.append(mark)
            return port
