"""Which objects a job transforms, where their outputs go, and which instance takes which. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Location:
    """A bucket and what comes after it."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Input:
    """An object, and the part of its key that its output keeps."""

    location: Location
    relative: str


def location_of(uri: str) -> Location:
    """Raises ValueError for what is no ``s3://bucket/…``."""
    parts = urlsplit(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"{uri} must be s3://bucket/prefix")
    query = f"?{parts.query}" if parts.query else ""
    return Location(parts.netloc, parts.path.lstrip("/") + query)


def of_prefix(prefix: Location, keys: Iterable[str]) -> list[Input]:
    """Keys below a prefix, folder markers left out; their outputs keep what follows the prefix's last slash."""
    folder = prefix.key[: prefix.key.rfind("/") + 1]
    return [
        Input(Location(prefix.bucket, key), key.removeprefix(folder)) for key in sorted(keys) if not key.endswith("/")
    ]


def of_manifest(text: bytes) -> list[Input]:
    """``[{"prefix": "s3://…"}, "relative/key", …]`` (API shape TransformS3DataSource). Raises ValueError."""
    entries = json.loads(text)
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        raise ValueError('a manifest must be a list that begins with {"prefix": "s3://bucket/prefix/"}')
    prefix = entries[0].get("prefix")
    if not isinstance(prefix, str):
        raise ValueError('the first entry of a manifest must be {"prefix": "s3://bucket/prefix/"}')
    place = location_of(prefix)
    inputs = []
    for each in entries[1:]:
        if not isinstance(each, str) or not each:
            raise ValueError(f"{json.dumps(each)} must be the rest of a key after the manifest's prefix")
        inputs.append(Input(Location(place.bucket, place.key + each), each.lstrip("/")))
    return inputs


def output_of(path: Location, each: Input) -> Location:
    """``<S3OutputPath>/<relative key>.out`` (API shape TransformOutput)."""
    folder = path.key.rstrip("/")
    return Location(path.bucket, f"{folder}/{each.relative}.out" if folder else f"{each.relative}.out")


def shared_out(inputs: Sequence[Input], instances: int) -> list[list[Input]]:
    """By instance; one without objects stays idle (AWS: Batch Transform, "only one instance processes the file")."""
    return [list(inputs[number::instances]) for number in range(instances)]
