"""Says who it is and what it was sent. The body ``sleep N`` takes N seconds, ``die`` ends it without an answer."""

from __future__ import annotations

import os
import time
from pathlib import Path

from testkit.containers.server import Container, serve


class Named(Container):
    """NAME, process id, path and headers; the body may ask for a status, or for a reply without a length."""

    def do_POST(self) -> None:
        """/invocations."""
        body = self.body().decode()
        if body == "die":
            os._exit(3)
        if body.startswith("sleep "):
            Path(os.environ["SM_MODEL_DIR"], "busy").touch()
            time.sleep(float(body.removeprefix("sleep ")))
        found = {"name": os.environ["NAME"], "pid": os.getpid(), "path": self.path, "headers": dict(self.headers)}
        headers = {
            "Content-Type": "application/json",
            "X-Amzn-SageMaker-Custom-Attributes": "from-the-container",
            "Server-Secret": "inside",
        }
        status = int(body.removeprefix("status ")) if body.startswith("status ") else 200
        self.answer(status, found, headers, framing=body if body in ("unbounded", "chunked") else "length")


if __name__ == "__main__":
    serve(Named)
