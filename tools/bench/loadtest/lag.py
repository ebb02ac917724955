"""How late an event loop was: what the master's process measures and the benchmark shows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "lag.json"
"""In the folder in which the run was started."""


@dataclass(frozen=True, slots=True)
class Lag:
    """Milliseconds."""

    p50: float
    p99: float
    longest: float

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self)))


def read(path: Path) -> Lag:
    """What was written. Raises FileNotFoundError when the loop was not measured."""
    return Lag(**json.loads(path.read_text()))
