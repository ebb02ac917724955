"""Does what its environment says, and answers with it. MODE is crash or unhealthy, SECONDS how long an answer takes."""

from __future__ import annotations

import os
import sys
import time

from testkit.containers.server import Container, serve

_TOLD = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "VERSION")


class Told(Container):
    """The process id, and what it was told."""

    def do_GET(self) -> None:
        """/ping."""
        self.answer(503 if os.environ.get("MODE") == "unhealthy" else 200)

    def do_POST(self) -> None:
        """/invocations."""
        self.body()
        time.sleep(float(os.environ.get("SECONDS", "0")))
        self.answer(200, {"pid": os.getpid(), **{name: os.environ.get(name) for name in _TOLD}})


if __name__ == "__main__":
    if os.environ.get("MODE") == "crash":
        sys.exit("cannot go on")
    serve(Told)
