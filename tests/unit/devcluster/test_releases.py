"""Official releases: which archive, checked how, and what is left when something is wrong."""

from pathlib import Path
from typing import Any

import pytest

from devcluster.binaries import API, CONTROLLER_MANAGER, VERSION, platform_name
from devcluster.errors import BinaryError
from devcluster.releases import ENVTEST_INDEX, KUBERNETES_RELEASES, Archive, Fetched, Hosts, fetch, pick


def get(names: tuple[str, ...], folder: Path, hosts: Hosts, recorder: Any) -> Fetched:
    return fetch(names, folder, version=VERSION, platform=platform_name(), hosts=hosts, progress=recorder)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "programs"
    path.mkdir()
    return path


def index(*versions: str) -> dict[str, Any]:
    def files(version: str) -> dict[str, Any]:
        return {f"envtest-{version}-linux-amd64.tar.gz": {"hash": f"h{version}", "selfLink": f"https://x/{version}"}}

    return {"releases": {version: files(version) for version in versions}}


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["v1.36.2", "v1.36.3", "v1.36.4"], "v1.36.3"),
        (["v1.36.0", "v1.36.2", "v1.36.10", "v1.35.4", "v1.37.0"], "v1.36.10"),
        (["v1.36.0-rc.1", "v1.35.4"], None),
        ([], None),
    ],
)
def test_the_pinned_version_else_the_newest_patch_of_the_same_minor(offered: list[str], chosen: str | None) -> None:
    archive = pick(index(*offered), "v1.36.3", "linux-amd64")
    assert archive == (Archive(chosen, f"https://x/{chosen}", f"h{chosen}") if chosen else None)


@pytest.mark.parametrize(
    "content", [None, "text", {"releases": None}, {"releases": {"v1.36.3": "text"}}, index("v1.36.3")]
)
def test_an_index_without_an_archive_for_the_platform_has_none(content: object) -> None:
    assert pick(content, "v1.36.3", "darwin-arm64") is None


def test_fetched_programs_can_be_run_and_nothing_else_is_left(folder: Path, release_host: Any, recorder: Any) -> None:
    release_host.offer_archive(*API)
    release_host.offer_program(CONTROLLER_MANAGER)
    names = (*API, CONTROLLER_MANAGER)
    assert get(names, folder, release_host.hosts, recorder) == Fetched(frozenset(names), "")
    assert left(folder) == sorted(names)
    assert {oct((folder / name).stat().st_mode & 0o777) for name in names} == {"0o755"}


def test_only_what_is_wanted_is_unpacked(folder: Path, release_host: Any, recorder: Any) -> None:
    release_host.offer_archive(*API, "surprise")
    get(("etcd",), folder, release_host.hosts, recorder)
    assert left(folder) == ["etcd"]


def test_an_archive_with_another_checksum_is_refused(folder: Path, release_host: Any, recorder: Any) -> None:
    release_host.offer_archive(*API, sha512="a" * 128)
    with pytest.raises(BinaryError, match=r"has the sha512 [0-9a-f]{128}, published is a{128}: thrown away\. .*Try"):
        get(API, folder, release_host.hosts, recorder)
    assert left(folder) == []


def test_a_program_with_another_checksum_is_refused(folder: Path, release_host: Any, recorder: Any) -> None:
    release_host.offer_program(CONTROLLER_MANAGER, sha256="0" * 64)
    with pytest.raises(BinaryError, match=r"published is 0{64}: thrown away"):
        get((CONTROLLER_MANAGER,), folder, release_host.hosts, recorder)
    assert left(folder) == []


def test_a_download_that_breaks_off_leaves_nothing(folder: Path, release_host: Any, recorder: Any) -> None:
    release_host.offer_archive(*API)
    [path] = [path for path in release_host.files if path.endswith(".tar.gz")]
    release_host.lengths[path] = len(release_host.files[path]) + 1
    fetched = get(("etcd",), folder, release_host.hosts, recorder)
    assert fetched.names == frozenset()
    assert fetched.why_not.endswith(".tar.gz broke off")
    assert left(folder) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<html>: [log in", "is no YAML"),
        (b"<html>log in</html>", "envtest has no v1.36 for "),
        (
            f"releases: {{{VERSION}: {{envtest-{VERSION}-{platform_name()}.tar.gz: {{hash: x}}}}}}".encode(),
            "names no usable URL and SHA-512 of v1.36.3",
        ),
    ],
)
def test_a_page_that_is_no_index_is_no_error(
    content: bytes, why: str, folder: Path, release_host: Any, recorder: Any
) -> None:
    release_host.files["/index.yaml"] = content
    assert why in get(("etcd",), folder, release_host.hosts, recorder).why_not


def test_a_page_that_is_no_checksum_is_no_error(folder: Path, release_host: Any, recorder: Any) -> None:
    release_host.offer_program(CONTROLLER_MANAGER, sha256="<html>")
    fetched = get((CONTROLLER_MANAGER,), folder, release_host.hosts, recorder)
    assert fetched.why_not.endswith("kube-controller-manager.sha256 is no checksum")


def test_a_program_that_the_archive_lacks_comes_from_the_release_host(
    folder: Path, release_host: Any, recorder: Any
) -> None:
    release_host.offer_archive("etcd", "kube-apiserver")
    release_host.offer_program("kubectl")
    assert get(("kubectl",), folder, release_host.hosts, recorder).names == {"kubectl"}
    assert (folder / "kubectl").read_text() == "kubectl alone"


def test_a_host_that_does_not_answer_is_asked_once(folder: Path, recorder: Any, unused_port: int) -> None:
    nowhere = Hosts(f"http://127.0.0.1:{unused_port}/index.yaml", f"http://127.0.0.1:{unused_port}/release")
    fetched = get((*API, CONTROLLER_MANAGER), folder, nowhere, recorder)
    assert fetched == Fetched(frozenset(), f"127.0.0.1:{unused_port} cannot be reached (Connection refused)")
    assert recorder.finished == []


def test_a_download_tells_how_far_it_is(folder: Path, release_host: Any, recorder: Any) -> None:
    release_host.offer_program(CONTROLLER_MANAGER)
    get((CONTROLLER_MANAGER,), folder, release_host.hosts, recorder)
    size = len(b"kube-controller-manager alone")
    assert recorder.steps[-1] == ("Fetching kube-controller-manager", size, size)


def test_the_official_hosts_are_asked_over_tls() -> None:
    assert Hosts() == Hosts(ENVTEST_INDEX, KUBERNETES_RELEASES)
    assert ENVTEST_INDEX.startswith("https://")
    assert KUBERNETES_RELEASES.startswith("https://")
