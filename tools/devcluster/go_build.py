"""The programs built from their Go modules, with the share of packages that are compiled.

Works in the tools module of the program's origin (tools/kubernetes, tools/helm, …), whose go.sum pins every module's
content.
"""

import os
import select
import subprocess
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from devcluster import origins
from devcluster.errors import BinaryError
from devcluster.lifeline import Lifeline
from devcluster.progress import Progress

_OFFLINE = ("dial tcp", "no such host", "i/o timeout", "TLS handshake", "module lookup disabled by GOPROXY=off")
_TICK_SECONDS = 1.0  # the elapsed time moves on while a long package compiles


def build(name: str, target: Path, *, version: str, go: Path, progress: Progress, module: Path) -> None:
    """Puts the program at `target` when it is whole; a failed or interrupted build leaves nothing and ends all of Go.

    Raises BinaryError with the end of what Go said.
    """
    part = target.with_name(f".{name}.part")
    lifeline = Lifeline()
    try:
        go_run = _Go(name, go, module, _flags(name), lifeline)
        packages = go_run.uncompiled(progress)
        go_run.compile(part, packages, f"Building {name} {version.removeprefix('v')} from its Go modules", progress)
        part.rename(target)
    finally:
        lifeline.end()
        part.unlink(missing_ok=True)
    progress.finish(f"Built {name} {version.removeprefix('v')}; kept in {target.parent}")


class _Go:
    def __init__(self, name: str, go: Path, module: Path, flags: tuple[str, ...], lifeline: Lifeline) -> None:
        self._name, self._go, self._module, self._flags, self._lifeline = name, go, module, flags, lifeline

    def uncompiled(self, progress: Progress) -> frozenset[str]:
        """The packages that Go's build cache lacks. Fetches the modules first where they are missing."""
        progress.step(f"Reading the Go modules of {self._name}")
        template = "{{if .Stale}}{{.ImportPath}}{{end}}"
        process = self._start("list", "-deps", "-f", template, *self._flags, stderr=subprocess.PIPE)
        said, complained = process.communicate()
        if process.returncode:
            raise BinaryError(explain(self._name, complained.decode(errors="replace")))
        return frozenset(said.decode().split())

    def compile(self, part: Path, packages: frozenset[str], text: str, progress: Progress) -> None:
        """Linking counts as one package more, so that all of them are done only at the end."""
        process = self._start("build", "-v", "-o", str(part), *self._flags, stderr=subprocess.STDOUT)
        seen, last, total = set[str](), deque[str](maxlen=12), len(packages) + 1
        for lines in _lines(process):
            last.extend(lines)
            seen.update(packages.intersection(lines))
            progress.step(text, len(seen), total)
        if process.wait():
            raise BinaryError(explain(self._name, "\n".join(last)))

    def _start(self, *arguments: str, stderr: int) -> subprocess.Popen[bytes]:
        # The caller's own flags or workspace must not change what is built.
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}
        command = [str(self._go), *arguments, origins.of(self._name).packages[self._name]]
        return self._lifeline.popen(command, cwd=self._module, stdout=subprocess.PIPE, stderr=stderr, env=environment)


def explain(name: str, said: str) -> str:
    """What Go said, or in plain words that it is offline."""
    said = said.strip()[-800:]
    if any(sign in said for sign in _OFFLINE):
        return (
            f"{name} can be neither fetched nor built: there is no network, and its Go modules are not in Go's cache. "
            "Go online once (everything is kept), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, "
            f"kubectl and kube-controller-manager. Go says: {said.splitlines()[-1]}"
        )
    return f"{name} cannot be built from its Go modules. Go says: {said}"


def _flags(name: str) -> tuple[str, ...]:
    stamps = "".join(f" -X {stamp}" for stamp in origins.of(name).stamps)
    return ("-trimpath", "-ldflags", f"-s -w{stamps}")


def _lines(process: subprocess.Popen[bytes]) -> Iterator[list[str]]:
    """What the process says, as it comes; an empty list each second in which it says nothing."""
    assert process.stdout is not None
    with process.stdout as pipe:
        rest = b""
        while True:
            if not select.select([pipe], [], [], _TICK_SECONDS)[0]:
                yield []
                continue
            data = os.read(pipe.fileno(), 1 << 16)
            *whole, rest = (rest + data).split(b"\n")
            yield [line.decode(errors="replace") for line in ([*whole, rest] if not data else whole)]
            if not data:
                return
