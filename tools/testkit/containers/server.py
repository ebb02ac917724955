"""The container contract in a few lines: /ping, /invocations, the port that it is told."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar


class Container(BaseHTTPRequestHandler):
    """Healthy, and without an answer of its own."""

    protocol_version = "HTTP/1.1"
    usual_headers: ClassVar[Mapping[str, str]] = {}

    def answer(
        self, status: int, found: object = b"", headers: Mapping[str, str] | None = None, framing: str = "length"
    ) -> None:
        """Bytes as they are, anything else as JSON. ``framing`` is length, chunked or unbounded."""
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        for name, value in (headers or self.usual_headers).items():
            self.send_header(name, value)
        if framing == "unbounded":
            self.send_header("Connection", "close")
        elif framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        """Of a request with a length, or in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_GET(self) -> None:
        """/ping."""
        self.answer(200)

    def log_message(self, *_: object) -> None:
        """What is printed is the test's to say."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away."""


def serve(container: type[Container]) -> None:
    """Until it is ended."""
    _Server(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), container).serve_forever()


def wait_for(path: str | None) -> None:
    """A gate: a file that the test makes."""
    while path and not Path(path).exists():
        time.sleep(0.01)
