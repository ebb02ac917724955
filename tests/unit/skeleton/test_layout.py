"""What the shape of the repository promises."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS: dict[str, dict[str, Any]] = {c["name"]: c for c in PYPROJECT["tool"]["importlinter"]["contracts"]}
LAYERS = ["main", "reconcile", "kube", "aws", "plan", "api"]  # from the top; kube and aws stand side by side
LOADTEST = ["command", "storage", "pods", "supervise", "report", "judge", "swarm", "testfile"]
LOADTEST += ["measure", "exchange", "workload", "api"]


@pytest.mark.parametrize("folder", [ROOT, ROOT / "operator", ROOT / "tests"])
def test_import_operator_is_the_standard_librarys(folder: Path) -> None:
    """Python puts the working directory first on its path; the folder must not win over the module."""
    said = subprocess.run(
        [sys.executable, "-c", "import dataclasses, operator; print(operator.__file__)"],
        cwd=folder, env={"PATH": os.defpath}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(said.stdout.strip()).resolve().parent == Path(sysconfig.get_path("stdlib")).resolve()


def test_the_folder_operator_is_no_package() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert not list(ROOT.glob("**/sagemaker_operator/operator.py"))


@pytest.mark.parametrize(("folder", "layers"), [("operator", LAYERS), ("loadtest", LOADTEST)])
def test_every_layer_stands_in_the_layers_contract(folder: str, layers: list[str]) -> None:
    """A new package has to be given its place."""
    package = f"sagemaker_{folder}"
    contracts = [" : ".join(c["layers"]) for c in CONTRACTS.values() if c["type"] == "layers"]
    [named] = [re.split(r"\s*[:|]\s*", lines) for lines in contracts if lines.startswith(package)]
    assert named == [f"{package}.{layer}" for layer in layers]
    there = {p.stem for p in (ROOT / folder / package).iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert there - {"__init__", "__main__"} <= set(layers), "a package without a layer"


@pytest.mark.parametrize(
    ("owner", "libraries"), [("main", ["kopf"]), ("aws", ["boto3", "botocore"]), ("kube", ["kubernetes"])]
)
def test_a_library_has_one_owner(owner: str, libraries: list[str]) -> None:
    [contract] = [c for c in CONTRACTS.values() if c.get("forbidden_modules") == libraries]
    others = [f"sagemaker_operator.{layer}" for layer in LAYERS if layer != owner]
    assert sorted(contract["source_modules"]) == sorted(others)


def test_the_three_packages_do_not_know_each_other() -> None:
    [contract] = [c for c in CONTRACTS.values() if c["type"] == "independence"]
    assert sorted(contract["modules"]) == ["sagemaker_loadtest", "sagemaker_local", "sagemaker_operator"]


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-zA-Z][\w-]*):(?!=)", makefile, re.MULTILINE))
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = [line.split() for line in said.splitlines() if line.startswith("  ")]
    assert {words[0] for words in listed} == targets
    assert all(len(words) > 1 for words in listed), "a target without words"
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert {name for line in phony for name in line.split()} == targets


def test_pre_commit_fetches_nothing() -> None:
    """Its hooks are those of `make lint`, from the virtual environment."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    lint = [line.strip().removeprefix("$(BIN)/") for line in recipe[1].splitlines()]
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in hooks] == lint
