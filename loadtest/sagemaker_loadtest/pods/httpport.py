"""The HTTP port of a run: health, metrics and, on a master, the lobby for its workers."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sagemaker_loadtest.api.errors import ConfigurationError

_SLOW_CLIENT_SECONDS = 10
_MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, body and content type of an answer."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"

    @classmethod
    def json(cls, status: int, document: Any) -> "Reply":
        return cls(status, json.dumps(document, separators=(",", ":")).encode() + b"\n", "application/json")


@dataclass(frozen=True, slots=True)
class Query:
    """A request as a route sees it; of repeated parameters the first counts."""

    parameters: dict[str, str]
    body: bytes


Route = Callable[[Query], Reply]


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0 picks a free one; `ready_file` then tells which (JSON: url, pid)."""

    host: str
    port: int
    ready_file: Path | None = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class HTTPPort:
    """Serves `routes` (method and path) in threads until it is closed. Raises ConfigurationError for a port that
    cannot be had.
    """

    def __init__(self, address: Address, routes: dict[tuple[str, str], Route]) -> None:
        handler = type("Handler", (_Handler,), {"routes": routes})
        try:
            self._server = _Server((address.host, address.port), handler)
        except OSError as error:
            raise ConfigurationError(
                f"--port {address.port} on {address.host}: cannot listen ({error.strerror}). Name another, or 0"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()
        host = "127.0.0.1" if address.host in ("0.0.0.0", "::", "") else address.host  # noqa: S104 - only compared
        self.url = f"http://{host}:{self._server.server_address[1]}"
        if address.ready_file:
            _announce(address.ready_file, self.url)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _announce(path: Path, url: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n", encoding="utf-8")
    fresh.replace(path)


class _Handler(BaseHTTPRequestHandler):
    routes: dict[tuple[str, str], Route]
    timeout = _SLOW_CLIENT_SECONDS

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
            self.send_error(413 if length.isdecimal() else 400)
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        route = self.routes.get((self.command, parts.path))
        parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
        reply = route(Query(parameters, body)) if route else Reply(404, b"not found\n")
        with contextlib.suppress(ConnectionError, socket.timeout):
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class names it
        """The run's own output tells the course of the run, nothing else."""
