"""`devcluster fetch` ended from outside while Go works. Go is a script that never finishes kube-apiserver."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster.binaries import Sources

GO = """#!/bin/sh
case $1 in
  env) echo go1.26.8; exit ;;
  list) echo example/a; exit ;;
esac
while [ "$1" != -o ]; do shift; done
echo half > "$2"
case $2 in
  *kube-apiserver*) sleep 600 & echo started > "$(dirname "$0")/started"; wait ;;
esac
"""


@pytest.fixture
def environ(tmp_path: Path, marked: Any) -> dict[str, str]:
    """That Go first on PATH, an empty cache, and a proxy that answers nobody: nothing can be downloaded."""
    (tmp_path / "go").write_text(GO)
    (tmp_path / "go").chmod(0o755)
    without = {k: v for k, v in os.environ.items() if k.lower() not in ("no_proxy", "kubebuilder_assets")}
    return {
        **without,
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "SAGEMAKER_OPERATOR_CACHE": str(tmp_path / "cache"),
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "https_proxy": "http://127.0.0.1:1",
    }


def started(environ: dict[str, str], tmp_path: Path, await_line: Callable[[Path, str], str]) -> subprocess.Popen[bytes]:
    with (tmp_path / "told").open("w") as stderr:
        process = subprocess.Popen([sys.executable, "-m", "devcluster", "fetch"], env=environ, stderr=stderr)
    await_line(tmp_path / "started", "started")
    return process


def programs(environ: dict[str, str]) -> set[str]:
    return {path.name for path in Sources.of(environ).programs.iterdir()} - {".lock"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_keeps_only_what_is_whole(
    number: signal.Signals, environ: dict[str, str], marked: Any, tmp_path: Path, await_line: Any
) -> None:
    process = started(environ, tmp_path, await_line)
    process.send_signal(number)
    assert process.wait(60) == 130
    assert programs(environ) == {"etcd"}
    marked.await_none()
    told = (tmp_path / "told").read_text().splitlines()
    assert told[0].startswith("Nothing prebuilt for etcd, kube-apiserver, kubectl, kube-controller-manager: ")
    assert told[1].startswith("[ok] Built etcd 1.36.3; kept in ")
    assert told[2:] == ["Stopped. A partial build or download is thrown away, finished programs are kept."]


def test_a_killed_build_ends_go_and_passes_nothing_off_as_whole(
    environ: dict[str, str], marked: Any, tmp_path: Path, await_line: Any
) -> None:
    process = started(environ, tmp_path, await_line)
    process.kill()
    process.wait()
    marked.await_none()
    assert programs(environ) == {"etcd", ".kube-apiserver.part"}
