"""What master and workers tell the supervisor: JSON lines on the standard output that their process began with."""

import json
import os
import sys
from typing import Any, TextIO


class Channel:
    """Until `keep`, standard output itself."""

    def __init__(self) -> None:
        self._kept: TextIO | None = None

    def keep(self) -> None:
        """From now on all else that is printed, by a locustfile for example, goes where errors go."""
        sys.stdout.flush()
        self._kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def tell(self, event: str, **members: Any) -> None:
        """One JSON line."""
        out = self._kept or sys.stdout
        out.write(json.dumps({"event": event, **members}, separators=(",", ":")) + "\n")
        out.flush()


CHANNEL = Channel()
tell = CHANNEL.tell
