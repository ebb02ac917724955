"""Ports for model servers, which bind them themselves: what is free when it is chosen may be taken by then."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


class Ports:
    """Those that servers of one process have, so that none is given to two of them."""

    def __init__(self) -> None:
        self._given: set[int] = set()

    def take(self) -> int:
        """One that nobody listens on now."""
        while True:
            with socket.socket() as probe:
                probe.bind((LOOPBACK, 0))
                port: int = probe.getsockname()[1]
            if port not in self._given:
                self._given.add(port)
                return port

    def give_back(self, port: int | None) -> None:
        """Its server has ended."""
        self._given.discard(port or 0)


def is_taken(port: int) -> bool:
    """Whether a server could not bind it now. Connections of an earlier server that are closing do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False
