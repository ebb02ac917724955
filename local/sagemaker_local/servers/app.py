"""What a model server serves: bytes in, bytes out, and the errors that a container answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

ANY = "*/*"


@dataclass(frozen=True, slots=True)
class Call:
    """One POST /invocations. ``content_type`` and ``accept`` are as sent, empty when absent."""

    body: bytes
    content_type: str = ""
    accept: str = ""
    custom_attributes: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered."""

    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200


class InferenceError(Exception):
    """A failure with a status of its own: 400 bad payload, 406 bad Accept, 415 bad Content-Type, 500 anything else."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class App(Protocol):
    """A loaded model."""

    def invoke(self, call: Call) -> Reply:
        """Answer a call. Raises InferenceError; any other exception becomes a 500 with its traceback."""


def media_type(header: str) -> str:
    """``text/csv; charset=utf-8`` -> ``text/csv``."""
    return header.partition(";")[0].strip().lower()
