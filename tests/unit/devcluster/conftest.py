"""A release host on loopback, programs that are shell scripts, and a progress that remembers."""

import hashlib
import http.server
import io
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devcluster.binaries import VERSION, Sources, platform_name
from devcluster.releases import Hosts


@dataclass
class Recorder:
    """What a Progress was told."""

    steps: list[tuple[str, int, int]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        self.steps.append((text, done, total))

    def finish(self, text: str) -> None:
        self.finished.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)


def packed(folder: str, *names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in names:
            content = f"{name} of the archive".encode()
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class ReleaseHost:
    """Serves `files` by path; a content shorter than `lengths` says breaks off."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def hosts(self) -> Hosts:
        return Hosts(
            envtest_index=f"{self.url}/index.yaml",
            kubernetes=f"{self.url}/release",
            github=f"{self.url}/github",
            helm=f"{self.url}/helm",
        )

    def offer_archive(self, *names: str, version: str = VERSION, sha512: str | None = None) -> None:
        """An envtest archive and the index that names it."""
        content = packed("controller-tools/envtest", *names)
        file = f"envtest-{version}-{platform_name()}.tar.gz"
        self.files[f"/{file}"] = content
        digest = sha512 or hashlib.sha512(content).hexdigest()
        entry = f"  {version}:\n    {file}:\n      hash: {digest}\n      selfLink: {self.url}/{file}\n"
        self.files["/index.yaml"] = self.files.get("/index.yaml", b"releases:\n") + entry.encode()

    def offer_at(self, path: str, checksum: str, *names: str, sha256: str | None = None) -> None:
        """A project's archive at `path`, and its checksum beside it as `sha256sum` writes it."""
        content = packed("any/folder", *names)
        self.files[path] = content
        digest = sha256 or hashlib.sha256(content).hexdigest()
        self.files[f"{path}{checksum}"] = f"{digest}  {path.rpartition('/')[2]}\n".encode()

    def offer_program(self, name: str, sha256: str | None = None) -> None:
        path, content = f"/release/{VERSION}/bin/{platform_name().replace('-', '/')}/{name}", f"{name} alone".encode()
        self.files[path] = content
        self.files[f"{path}.sha256"] = (sha256 or hashlib.sha256(content).hexdigest()).encode()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def release_host() -> Iterator[ReleaseHost]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(self.path)
            content = host.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(host.lengths.get(self.path, len(content or b""))))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_arguments: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        host = ReleaseHost(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield host
        server.shutdown()
        thread.join()


@pytest.fixture
def sources(tmp_path: Path, release_host: ReleaseHost) -> Sources:
    """No folder named by the user, an empty cache, an empty release host, a module folder without a module."""
    module = tmp_path / "module"
    module.mkdir()
    return Sources(None, tmp_path / "cache", release_host.hosts, module)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes an executable shell script below the test's `bin` folder."""

    def write(name: str, body: str) -> Path:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def fake_go(script: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Go on PATH that knows three packages and builds a program in no time. `-o` is followed by the target."""
    go = script(
        "go",
        """
case $1 in
  env) echo go1.26.8 ;;
  list) printf 'fmt\\nexample/a\\nexample/b\\n' ;;
  build)
    shift
    while [ "$1" != -o ]; do shift; done
    printf 'fmt\\nexample/a\\nexample/b\\n' >&2
    echo "built by Go" > "$2" ;;
esac
""",
    )
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    return go


@pytest.fixture
def unused_port() -> Iterator[int]:
    """Taken but not listened at: connecting is refused, and nobody else gets it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
