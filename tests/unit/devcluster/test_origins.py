"""The programs of other projects: where their archives lie, and that their modules here pin the same version."""

import re
from pathlib import Path
from typing import Any

import pytest

from devcluster import origins
from devcluster.binaries import API, CONTROLLER_MANAGER, HELM, HEY, NODE, Sources, ensure
from devcluster.errors import BinaryError

MODULES = {
    "containerd": "github.com/containerd/containerd/v2",
    "cni": "github.com/containernetworking/plugins",
    "coredns": "github.com/coredns/coredns",
    "helm": "helm.sh/helm/v4",
    "hey": "github.com/rakyll/hey",
    "kubernetes": "k8s.io/kubernetes",
}
RELEASES = "/releases/download/"


@pytest.fixture(autouse=True)
def amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devcluster.binaries.platform_name", lambda: "linux-amd64")


OTHERS = tuple(origin for origin in origins.ORIGINS if origin.name != "pause")  # that is our own, of nothing but Go


@pytest.mark.parametrize("origin", OTHERS, ids=lambda origin: origin.name)
def test_the_module_pins_the_version_and_has_the_packages(origin: origins.Origin) -> None:
    module = (origin.module / "go.mod").read_text()
    assert re.search(rf"^(require |\t){re.escape(MODULES[origin.name])} {origin.version}\b", module, re.M)
    own = f"module sagemaker-operator/tools/{origin.name}"
    assert own in module.splitlines()
    for package in origin.packages.values():
        assert package == own.removeprefix("module ") or re.search(rf"^(tool |\t){re.escape(package)}$", module, re.M)
    assert (origin.module / "go.sum").read_text().count(f"{MODULES[origin.name]} {origin.version}") == 2


def test_each_program_has_one_origin() -> None:
    names = [name for origin in origins.ORIGINS for name in origin.packages]
    assert len(names) == len(set(names))
    assert set(names) == {*API, CONTROLLER_MANAGER, HELM, HEY, *NODE}


@pytest.mark.parametrize(
    ("program", "path", "checksum"),
    [
        ("helm", "/helm/helm-v4.3.1-linux-amd64.tar.gz", ".sha256sum"),
        ("ctr", f"/github/containerd/containerd{RELEASES}v2.3.7/containerd-2.3.7-linux-amd64.tar.gz", ".sha256sum"),
        (
            "bridge",
            f"/github/containernetworking/plugins{RELEASES}v1.9.1/cni-plugins-linux-amd64-v1.9.1.tgz",
            ".sha256",
        ),
        ("coredns", f"/github/coredns/coredns{RELEASES}v1.15.0/coredns_1.15.0_linux_amd64.tgz", ".sha256"),
    ],
)
def test_an_official_archive_comes_before_a_build(
    program: str, path: str, checksum: str, sources: Sources, recorder: Any, release_host: Any
) -> None:
    release_host.offer_at(path, checksum, program, "another")
    [found] = ensure((program,), recorder, sources).values()
    assert found.read_text() == f"{program} of the archive"
    assert found.stat().st_mode & 0o777 == 0o755
    assert found.parent == sources.programs_of(origins.of(program))
    assert sorted(file.name for file in found.parent.iterdir()) == [".lock", program]


def test_an_archive_with_another_checksum_is_refused(sources: Sources, recorder: Any, release_host: Any) -> None:
    release_host.offer_at("/helm/helm-v4.3.1-linux-amd64.tar.gz", ".sha256sum", "helm", sha256="0" * 64)
    with pytest.raises(BinaryError, match=r"published is 0{64}: thrown away"):
        ensure((HELM,), recorder, sources)
    assert [path.name for path in sources.programs_of(origins.of(HELM)).iterdir()] == [".lock"]


def test_what_has_no_archive_is_built_from_its_own_module(
    sources: Sources, recorder: Any, fake_go: Path, tmp_path: Path
) -> None:
    fake_go.write_text(fake_go.read_text().replace('"built by Go"', '"built in $PWD"'))
    found = ensure((HELM, "ctr"), recorder, Sources(None, sources.cache, sources.hosts))
    assert {name: path.read_text() for name, path in found.items()} == {
        "helm": f"built in {origins.TOOLS / 'helm'}\n",
        "ctr": f"built in {origins.TOOLS / 'containerd'}\n",
    }
    assert recorder.finished[-1].startswith("Built helm 4.3.1; kept in ")


def test_programs_of_other_versions_lie_apart(sources: Sources) -> None:
    folders = [sources.programs_of(origin) for origin in origins.ORIGINS]
    assert len(set(folders)) == len(folders)
    assert sources.cache / "bin" / "helm-v4.3.1" / "linux-amd64" in folders
