"""The stub as a process, and its certificate."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.loadtest.processes import PATIENCE_SECONDS, pinned, server_cpu


@dataclass(frozen=True, slots=True)
class Stats:
    """What the stub did since it was last reset: answers, their percentiles in ms by its own clock. ``connections``
    are those that are open now.
    """

    count: int
    connections: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Server:
    """A running stub. ``certificate`` is there when it speaks TLS."""

    url: str
    control: str
    certificate: Path | None

    def reset(self, delay: float = 0.0, stall: float = 0.0) -> None:
        """Counts anew. ``delay``: seconds until an answer; ``stall``: seconds until it freezes, 0 for never."""
        self._get(f"reset?delay={delay}&stall={stall}")

    def stats(self) -> Stats:
        """Since the last reset."""
        return Stats(**json.loads(self._get("stats")))

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.control}/{path}") as reply:
            found: bytes = reply.read()
        return found


@contextlib.contextmanager
def stub(folder: Path, *, tls: bool) -> Iterator[Server]:
    """A stub on the server's CPU, once it answers. Raises OSError when it does not."""
    port = _free_ports()
    certificate = _certificate(folder / "tls.pem") if tls else None
    command = [sys.executable, "-m", "bench.loadtest.stub", str(port), *([str(certificate)] if certificate else [])]
    server = Server(f"{'https' if tls else 'http'}://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}", certificate)
    with pinned(command, server_cpu()) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                server.reset()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield server


def _free_ports() -> int:
    """The first of two free ports in a row."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


def _certificate(path: Path) -> Path:
    """For 127.0.0.1, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()) + made.public_bytes(pem))
    return path
