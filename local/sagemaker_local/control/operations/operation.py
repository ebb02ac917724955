"""The form of an operation: a name of the API, what its input is read into, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document

Behaviour = Callable[[AccountState, Any, float], Document]
"""Takes the caller's state, the input and the time (epoch seconds); returns the output in the API's member names.

Raises ApiError. What takes time is only begun here: the endpoint's record says what, and the engine does it.
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """``input_type`` is a dataclass whose fields are the members that the behaviour acts upon."""

    name: str
    input_type: type[Any]
    behaviour: Behaviour


NOTHING: Document = {}
"""The output of operations that have none."""
