"""A transform job's container: does what its environment and its input say, and prints one line for each request."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from testkit.containers.server import Container, serve

_MODE, _PARAMETERS = os.environ.get("MODE", ""), os.environ.get("PARAMETERS")
_BARRIER = threading.Barrier(int(os.environ.get("TOGETHER", "1")))
_TOLD = (
    "VERSION",
    "SAGEMAKER_BATCH",
    "SAGEMAKER_BATCH_STRATEGY",
    "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
)


class Worker(Container):
    """Upper case, or what went wrong."""

    def do_GET(self) -> None:
        """/ping and /execution-parameters."""
        if self.path != "/execution-parameters":
            self.answer(200)
        elif _PARAMETERS:
            self.answer(200, _PARAMETERS.encode())
        else:
            self.answer(404)

    def do_POST(self) -> None:
        """/invocations."""
        body = self.body()
        print(f"request of {len(body)}", flush=True)
        _BARRIER.wait(60)
        mark = Path(os.environ["SAGEMAKER_BASE_DIR"], "died")
        if b"bad400" in body or (_MODE == "refuse" and b"BAD" in body):
            self.answer(400, b"cannot read this")
            return
        if b"bad500" in body:
            self.answer(500, b"broken")
            return
        if b"die" in body and not mark.exists():
            mark.touch()
            os._exit(3)
        if b"hang" in body:
            threading.Event().wait(600)
        if _MODE == "told":
            headers = {name: self.headers.get(name) for name in ("Content-Type", "Accept", "Transfer-Encoding")}
            told = {name: os.environ.get(name) for name in _TOLD}
            self.answer(200, {"pid": os.getpid(), "size": len(body), **headers, **told})
            return
        self.answer(200, body.upper())


if __name__ == "__main__":
    if _MODE == "crash":
        sys.exit("cannot go on")
    serve(Worker)
