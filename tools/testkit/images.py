"""Image maps whose containers are modules of ``testkit.containers``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import yaml


def command(container: str) -> list[str]:
    """What starts a container by its module's name."""
    return [sys.executable, "-m", f"testkit.containers.{container}"]


def image_map(path: Path, *rules: tuple[str, Sequence[str]]) -> Path:
    """Write one of images and commands; ``container`` stands for ``registry.example/container:*``. The path."""
    entries = [{"match": f"registry.example/{name}:*", "command": list(words)} for name, words in rules]
    path.write_text(yaml.safe_dump(entries))
    return path
