"""`/healthz`, `/readyz` and `/metrics`, from a thread of their own: they answer when the event loop does not."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest

Check = Callable[[], str | None]


class ProbeServer:
    """`healthy` and `ready` return None, or what is wrong in words."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, healthy: Check, ready: Check) -> None:
        checks = {"/healthz": healthy, "/readyz": ready}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._reply(HTTPStatus.OK, generate_latest(registry), "text/plain; version=0.0.4; charset=utf-8")
                elif self.path in checks:
                    wrong = checks[self.path]()
                    status = HTTPStatus.OK if wrong is None else HTTPStatus.SERVICE_UNAVAILABLE
                    self._reply(status, f"{wrong or 'ok'}\n".encode(), "text/plain; charset=utf-8")
                else:
                    self._reply(HTTPStatus.NOT_FOUND, b"/healthz, /readyz, /metrics\n", "text/plain; charset=utf-8")

            def _reply(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Probes come every few seconds."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="probes", daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self._server.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def start(self) -> None:
        """From now on it answers."""
        self._thread.start()

    def close(self) -> None:
        """Waits for the last answer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
