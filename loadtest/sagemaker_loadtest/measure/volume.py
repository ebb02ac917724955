"""The numbers of a stretch of a run that simply add up."""

from typing import Protocol


class Counted(Protocol):
    """Whatever has the numbers of a `Volume`."""

    @property
    def offered(self) -> int: ...
    @property
    def sent(self) -> int: ...
    @property
    def answered(self) -> int: ...
    @property
    def chunks(self) -> int: ...
    @property
    def sent_bytes(self) -> int: ...
    @property
    def received_bytes(self) -> int: ...


class Volume:
    """Requests that were due, sent and well answered; payload parts of streams; bytes of bodies."""

    __slots__ = ("answered", "chunks", "offered", "received_bytes", "sent", "sent_bytes")

    def __init__(self) -> None:
        self.offered = self.sent = self.answered = self.chunks = self.sent_bytes = self.received_bytes = 0

    def grow(self, other: Counted) -> None:
        """Adds the numbers of `other`."""
        self.offered += other.offered
        self.sent += other.sent
        self.answered += other.answered
        self.chunks += other.chunks
        self.sent_bytes += other.sent_bytes
        self.received_bytes += other.received_bytes
