"""Dependencies are bounded, locked with hashes, current, and to be had for newer Pythons."""

import importlib.metadata
import itertools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[3]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
LOCKED = {  # file: the extras that it holds beside the project's own dependencies
    "operator": [],
    "loadtest": ["loadtest"],
    "local": ["local"],
    "dev": sorted(EXTRAS),
}
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
NEWER = ["3.12", "3.13", "3.14"]
# The dependency trap: kubernetes 37.0.2 wants a python-dateutil that no botocore accepts, and a resolver without
# lower bounds "solves" that with a boto3 of 2014.
CURRENT = [Requirement("boto3>=1.43"), Requirement("kubernetes>=36,!=37.0.2")]


@dataclass(frozen=True)
class Pin:
    """One entry of a lock."""

    name: str
    version: Version
    marker: Marker | None
    hashes: int


def pins(lock: Path) -> Iterator[Pin]:
    text = re.sub(r"^\s*#.*$", "", lock.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(str.strip, text.splitlines()):
        requirement = Requirement(line.partition("--hash")[0])
        [exact] = requirement.specifier
        assert exact.operator == "==", line
        name = canonicalize_name(requirement.name)
        yield Pin(name, Version(exact.version), requirement.marker, line.count("--hash=sha256:"))


def lock_of(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def environment(python: str, system: str) -> dict[str, str]:
    platform = {"linux": "Linux", "darwin": "Darwin"}[system]
    return {
        "python_version": python, "python_full_version": f"{python}.0", "sys_platform": system,
        "platform_system": platform, "extra": "",
    }  # fmt: skip


def holds(marker: Marker | None, where: dict[str, str]) -> bool:
    return marker is None or marker.evaluate(where)


def test_every_dependency_is_bounded_below_and_above() -> None:
    groups = [PROJECT["dependencies"], PYPROJECT["build-system"]["requires"], *EXTRAS.values()]
    for text in itertools.chain.from_iterable(groups):
        operators = {specifier.operator for specifier in Requirement(text).specifier}
        assert operators & {">=", ">", "=="}, f"{text} has no lower bound"
        assert operators & {"<", "<=", "=="}, f"{text} has no upper bound"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_has_a_hash_for_all_and_names_no_index(lock: Path) -> None:
    found = list(pins(lock))
    assert found
    assert [pin.name for pin in found if not pin.hashes] == []
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted|^-", lock.read_text(), re.MULTILINE)


def test_every_lock_is_known() -> None:
    assert {lock.stem for lock in LOCKS} == {*LOCKED, "bootstrap", "build", "sagemaker-core", "sagemaker-core-1"}


def test_the_images_are_built_with_the_projects_build_system() -> None:
    found = {pin.name: pin.version for pin in pins(lock_of("build"))}
    for text in PYPROJECT["build-system"]["requires"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(found[wanted.name])
        assert f"echo '{text}' |" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("python", ["3.11", *NEWER])
@pytest.mark.parametrize("name", LOCKED)
def test_a_lock_is_within_the_bounds(name: str, python: str, system: str) -> None:
    where, found = environment(python, system), list(pins(lock_of(name)))
    for text in [*PROJECT["dependencies"], *(text for extra in LOCKED[name] for text in EXTRAS[extra])]:
        wanted = Requirement(text)
        if holds(wanted.marker, where):
            chosen = [p for p in found if p.name == canonicalize_name(wanted.name) and holds(p.marker, where)]
            assert len(chosen) == 1, f"requirements/{name}.txt has no one version for {text}: run make lock"
            assert wanted.specifier.contains(chosen[0].version), f"requirements/{name}.txt is not {text}: run make lock"


def test_the_locks_agree() -> None:
    whole = {(pin.name, pin.version) for pin in pins(lock_of("dev"))}
    for name in LOCKED:
        assert {(pin.name, pin.version) for pin in pins(lock_of(name))} <= whole, f"requirements/{name}.txt"


@pytest.mark.parametrize("wanted", CURRENT, ids=str)
def test_boto3_and_kubernetes_are_current_in_the_locks_and_installed(wanted: Requirement) -> None:
    installed = Version(importlib.metadata.version(wanted.name))
    assert wanted.specifier.contains(installed), f"{wanted.name} {installed} is installed: run make setup"
    for name in LOCKED:
        [pin] = [pin for pin in pins(lock_of(name)) if pin.name == wanted.name]
        assert wanted.specifier.contains(pin.version), f"requirements/{name}.txt"
        assert pin.version == installed, f"requirements/{name}.txt is not what is installed: run make setup"


def test_all_pythons_from_3_11_on_are_allowed() -> None:
    assert PROJECT["requires-python"] == ">=3.11"


@pytest.mark.parametrize("platform", ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"])
@pytest.mark.parametrize("python", NEWER)
def test_a_newer_python_can_be_used(python: str, platform: str, tmp_path: Path) -> None:
    """The lock resolves there, with a wheel of the locked hash for everything. Asks the package index."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--dry-run", "--no-build", "--require-hashes"]
    where = ["--python-version", python, "--python-platform", platform, "--target", str(tmp_path)]
    done = subprocess.run(
        [*command, *where, "-r", str(lock_of("dev"))],
        env={**os.environ, "UV_HTTP_RETRIES": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Failed to fetch" in done.stderr:
        pytest.fail(f"The package index cannot be reached, so nothing is known of Python {python}: {done.stderr[:400]}")
    assert done.returncode == 0, done.stderr
