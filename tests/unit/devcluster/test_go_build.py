"""Building from Go modules, with a Go that is a shell script."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster.errors import BinaryError
from devcluster.go_build import build, explain

VERSION = "v1.36.3"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    return folder / "etcd"


def run(target: Path, go: Path, recorder: Any) -> None:
    build("etcd", target, version=VERSION, go=go, progress=recorder, module=target.parent)


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_progress_counts_the_packages_and_is_complete_only_after_linking(
    target: Path, fake_go: Path, recorder: Any
) -> None:
    run(target, fake_go, recorder)
    text = "Building etcd 1.36.3 from its Go modules"
    counted = [(done, total) for said, done, total in recorder.steps if said == text]
    assert counted == sorted(counted)
    assert counted[-1] == (3, 4)
    assert recorder.finished == [f"Built etcd 1.36.3; kept in {target.parent}"]
    assert left(target) == ["etcd"]


def test_go_is_told_version_target_and_package(
    target: Path, script: Callable[[str, str], Path], recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's own Go settings do not change what is built."""
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOWORK", "/some/go.work")
    said = target.parent / "said"
    go = script("go", f'echo "$CGO_ENABLED $GOFLAGS $GOWORK $*" >> {said}; [ "$1" = list ] || : > "$4"')
    run(target, go, recorder)
    listed, built = said.read_text().splitlines()
    settings = "0 -mod=readonly -buildvcs=false off"
    stamps = (
        "-trimpath -ldflags -s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 "
        "-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36 "
        "-X k8s.io/component-base/version.gitTreeState=clean"
    )
    assert listed.startswith(f"{settings} list -deps -f ")
    assert listed.endswith(f" {stamps} go.etcd.io/etcd/server/v3"), "staleness depends on the flags of the build"
    assert built == f"{settings} build -v -o {target.parent}/.etcd.part {stamps} go.etcd.io/etcd/server/v3"


def test_a_failed_build_says_what_go_said_and_leaves_nothing(
    target: Path, script: Callable[[str, str], Path], recorder: Any
) -> None:
    go = script("go", '[ "$1" = list ] || { : > "$4"; echo "a.go:1: syntax error" >&2; exit 1; }')
    with pytest.raises(
        BinaryError, match=r"^etcd cannot be built from its Go modules\. Go says: a\.go:1: syntax error$"
    ):
        run(target, go, recorder)
    assert left(target) == []
    assert recorder.finished == []


def test_an_interrupted_build_leaves_nothing_and_ends_go(
    target: Path, script: Callable[[str, str], Path], recorder: Any
) -> None:
    """Ctrl-C, as Python sees it, while a compiler that Go has started is at work."""
    pids = target.parent.parent / "pids"
    go = script(
        "go",
        f"""
[ "$1" = list ] && exit
: > "$4"
sleep 600 &
echo $$ $! > {pids}
echo example/a >&2
wait""",
    )

    def interrupt(text: str, done: int = 0, total: int = 0) -> None:
        if text.startswith("Building") and pids.exists() and pids.read_text().endswith("\n"):
            raise KeyboardInterrupt

    recorder.step = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(target, go, recorder)
    assert left(target) == []
    deadline = time.monotonic() + 60
    while any(runs(int(pid)) for pid in pids.read_text().split()):
        assert time.monotonic() < deadline, "Go or its compiler still runs"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """A zombie that nobody has waited for does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_without_a_network_the_message_says_what_to_do(
    target: Path, script: Callable[[str, str], Path], recorder: Any
) -> None:
    reason = "dial tcp: lookup modules.example: no such host"
    go = script("go", f'echo "go: k8s.io/api@v0.36.3: {reason}" >&2; exit 1')
    with pytest.raises(BinaryError) as failed:
        run(target, go, recorder)
    assert str(failed.value) == (
        "etcd can be neither fetched nor built: there is no network, and its Go modules are not in Go's cache. "
        "Go online once (everything is kept), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, "
        f"kubectl and kube-controller-manager. Go says: go: k8s.io/api@v0.36.3: {reason}"
    )


def test_a_long_complaint_is_cut_at_its_beginning() -> None:
    assert explain("etcd", "x" * 5000 + "the end").endswith("xthe end")
    assert len(explain("etcd", "x" * 5000)) < 900
