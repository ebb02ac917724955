"""Which command serves an image: an ordered table, the user's entries before the built-in ones."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

ECHO_IMAGE = "local://echo"

# Accounts of AWS's algorithm registry, which holds its XGBoost and scikit-learn images
# (AWS: Docker Registry Paths and Example Code for Amazon SageMaker).
ALGORITHM_REGISTRY: Mapping[str, str] = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}

_SERVERS = {
    "sagemaker-xgboost": "sagemaker_local.servers.xgboost_server",
    "sagemaker-scikit-learn": "sagemaker_local.servers.sklearn_server",
}

# One thread per process: several instances share a laptop's few cores, and idle OpenMP threads that spin would
# take them from the load test. A container's own environment overrides it.
_QUIET = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class ImageRule:
    """One entry of the image map: ``command serve`` serves the images that match ``match``, a glob; case matters.

    ``python`` are requirements of an environment of their own; the command runs in it, and may then be empty: the
    image is served as without this entry.
    """

    match: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    python: tuple[str, ...] = ()


def built_in_rules() -> tuple[ImageRule, ...]:
    """The model servers shipped with local SageMaker, for AWS's own image URIs of every region."""
    return tuple(
        ImageRule(
            match=f"{account}.dkr.ecr.{region}.amazonaws.com*/{repository}:*",
            command=(sys.executable, "-m", module),
            environment=_QUIET,
        )
        for repository, module in _SERVERS.items()
        for region, account in ALGORITHM_REGISTRY.items()
    )


def find_rule(rules: Iterable[ImageRule], image: str) -> ImageRule | None:
    """The first entry that matches."""
    return next((rule for rule in rules if fnmatchcase(image, rule.match)), None)


def load_rules(path: Path) -> tuple[ImageRule, ...]:
    """The user's image map followed by the built-in rules.

    Raises ValueError naming entry, field and remedy when the file is not an ordered list of such entries.
    """
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"image map {path}: {reason}") from error
    if not isinstance(entries, list):
        raise ValueError(f"image map {path}: must be a list of entries with match, command, python and environment")
    return tuple(_rule(entry, f"image map {path}, entry {number}") for number, entry in enumerate(entries, 1)) + (
        built_in_rules()
    )


def _rule(entry: Any, where: str) -> ImageRule:
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: must be a mapping with match, command, python and environment")
    if unknown := sorted(set(map(str, entry)) - {"match", "command", "python", "environment"}):
        raise ValueError(f"{where}: unknown field {unknown[0]}; it may have match, command, python and environment")
    match, command, environment = entry.get("match"), entry.get("command"), entry.get("environment") or {}
    if not isinstance(match, str) or not match:
        raise ValueError(f"{where}: match must be a glob of image URIs, such as */my-server:*")
    if match == ECHO_IMAGE:
        raise ValueError(f"{where}: {ECHO_IMAGE} is answered without a process; choose another match")
    python = _requirements(entry.get("python"), where)
    words = shlex.split(command) if isinstance(command, str) else command
    if words is None and python:
        words = []
    elif not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{where}: command must be a command line; it gets the argument serve")
    if not isinstance(environment, dict):
        raise ValueError(f"{where}: environment must map names to values")
    return ImageRule(match, tuple(words), {str(name): str(value) for name, value in environment.items()}, python)


def _requirements(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(each, str) and each.strip() for each in found):
        raise ValueError(f"{where}: python must be a requirement, such as scikit-learn==1.4.2, or a list of them")
    if others := [each for each in found if not (each[0].isalpha() or each[0] in "./")]:
        raise ValueError(
            f"{where}: python has {others[0]!r}, which is no requirement; it must begin with a package's name, such as "
            "scikit-learn==1.4.2, or be the path of one"
        )
    return tuple(found)
