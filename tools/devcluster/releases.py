"""Official prebuilt programs, checked against their published checksums.

etcd, kube-apiserver and kubectl come as one envtest archive of the controller-tools project (Linux and macOS); its
index names each archive's URL and SHA-512. Kubernetes' own release host has each Linux program, and kubectl for
macOS, with a .sha256 file beside it. The other projects' archives, and the SHA-256 beside each, are in `origins`.
"""

import re
import shutil
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from devcluster import origins
from devcluster.origins import Origin
from devcluster.progress import Progress
from devcluster.web import UnavailableError, Web

ENVTEST_INDEX = "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"
KUBERNETES_RELEASES = "https://dl.k8s.io/release"

_IN_ARCHIVE = frozenset({"etcd", "kube-apiserver", "kubectl"})
_ON_RELEASE_HOST = frozenset(origins.KUBERNETES.packages) - {"etcd"}


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where the official releases lie."""

    envtest_index: str = ENVTEST_INDEX
    kubernetes: str = KUBERNETES_RELEASES
    github: str = "https://github.com"
    helm: str = "https://get.helm.sh"


@dataclass(frozen=True, slots=True)
class Archive:
    """An envtest archive as the index names it."""

    version: str
    url: str
    sha512: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The programs that are in the folder now, and why the others are not (empty: no others)."""

    names: frozenset[str]
    why_not: str


def fetch(
    names: Collection[str], folder: Path, *, version: str, platform: str, hosts: Hosts, progress: Progress
) -> Fetched:
    """Puts those of the programs that can be had into `folder`; `platform` is written as in `linux-amd64`.

    Raises BinaryError when what came has another checksum than the published one.
    """
    progress.step("Looking for official prebuilt programs")
    web, wanted, reasons = Web(progress), set(names), list[str]()
    if inside := wanted & _IN_ARCHIVE:
        try:
            archive = _archive(web, hosts.envtest_index, version, platform)
            _unpack(web, archive.url, inside, folder, "sha512", archive.sha512)
            wanted -= inside
            progress.finish(f"Fetched {', '.join(sorted(inside))} {archive.version.removeprefix('v')} (checksum good)")
        except UnavailableError as reason:
            reasons.append(str(reason))
    for name in sorted(wanted & _ON_RELEASE_HOST):
        try:
            _download(web, f"{hosts.kubernetes}/{version}/bin/{platform.replace('-', '/')}/{name}", folder / name)
            wanted.discard(name)
            progress.finish(f"Fetched {name} {version.removeprefix('v')} (checksum good)")
        except UnavailableError as reason:
            reasons.append(str(reason))
    return Fetched(frozenset(names) - wanted, reasons[0] if wanted and reasons else "")


def fetch_archive(
    origin: Origin, names: Collection[str], folder: Path, *, platform: str, hosts: Hosts, progress: Progress
) -> Fetched:
    """As `fetch`, from the one archive that the origin publishes. Raises BinaryError when its checksum is wrong."""
    if origin.archive is None:
        return Fetched(frozenset(), f"{origin.name} publishes no archive")
    progress.step(f"Looking for an official archive of {origin.name}")
    system, machine = platform.split("-")
    number = origin.version.removeprefix("v")
    url = origin.archive.url.format(
        github=hosts.github, helm=hosts.helm, version=origin.version, number=number, system=system, machine=machine
    )
    web = Web(progress)
    try:
        checksum = _checksum(web, f"{url}{origin.archive.checksum}")
        _unpack(web, url, names, folder, "sha256", checksum)
    except UnavailableError as reason:
        return Fetched(frozenset(), str(reason))
    progress.finish(f"Fetched {', '.join(sorted(names))} {number} (checksum good)")
    return Fetched(frozenset(names), "")


def pick(index: Any, version: str, platform: str) -> Archive | None:
    """The archive of `version`, else that of the newest patch release of the same minor version; None: there is none.

    envtest skips patch releases; those of one minor version serve the same API.
    """
    found: dict[tuple[int, ...], Archive] = {}
    releases = index.get("releases") if isinstance(index, dict) else None
    for release, files in (releases or {}).items():
        entry = files.get(f"envtest-{release}-{platform}.tar.gz") if isinstance(files, dict) else None
        number = _number(str(release))
        if number and number[:2] == _number(version)[:2] and isinstance(entry, dict):
            found[number] = Archive(release, str(entry.get("selfLink")), str(entry.get("hash")))
    return found.get(_number(version)) or (found[max(found)] if found else None)


def _number(version: str) -> tuple[int, ...]:
    match = re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)", version)
    return tuple(map(int, match.groups())) if match else ()


def _archive(web: Web, index: str, version: str, platform: str) -> Archive:
    try:
        archive = pick(yaml.safe_load(web.read(index)), version, platform)
    except yaml.YAMLError as error:
        raise UnavailableError(f"{index} is no YAML") from error
    if archive is None:
        raise UnavailableError(f"envtest has no {version.rpartition('.')[0]} for {platform}")
    if urlsplit(archive.url).scheme != urlsplit(index).scheme or not re.fullmatch(r"[0-9a-f]{128}", archive.sha512):
        raise UnavailableError(f"{index} names no usable URL and SHA-512 of {archive.version}")
    return archive


def _unpack(web: Web, url: str, names: Collection[str], folder: Path, algorithm: str, checksum: str) -> None:
    part = folder / ".archive.part"
    try:
        web.download(url, part, algorithm, checksum)
        with tarfile.open(part) as tar:
            members = {Path(member.name).name: member for member in tar if member.isfile()}
            for name in names:
                source = tar.extractfile(members[name]) if name in members else None
                if source is None:
                    raise UnavailableError(f"{url} has no {name} in it")
                with source:
                    _place_stream(source, folder / name)
    finally:
        part.unlink(missing_ok=True)


def _place_stream(source: Any, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(source, file)
        _place(part, target)
    finally:
        part.unlink(missing_ok=True)


def _download(web: Web, url: str, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    published = _checksum(web, f"{url}.sha256")
    try:
        web.download(url, part, "sha256", published)
        _place(part, target)
    finally:
        part.unlink(missing_ok=True)


def _checksum(web: Web, url: str) -> str:
    """The first word of the file: `sha256sum` writes the file's name after it."""
    published = web.read(url).decode(errors="replace").split()
    if not published or not re.fullmatch(r"[0-9a-f]{64}", published[0]):
        raise UnavailableError(f"{url} is no checksum")
    return published[0]


def _place(part: Path, target: Path) -> None:
    """Under its own name only when it is whole."""
    part.chmod(0o755)
    part.rename(target)
