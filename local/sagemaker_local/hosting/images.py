"""Which command serves an image: an ordered table, the user's entries before the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ECHO_IMAGE = "local://echo"


@dataclass(frozen=True, slots=True)
class ImageRule:
    """One entry of the image map: images that match ``match`` (a glob) are served by ``command serve``."""

    match: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str | None = None


def built_in_rules() -> tuple[ImageRule, ...]:
    """The model servers shipped with local SageMaker, for AWS's own image URIs of every region."""
    return ()


def load_rules(path: Path) -> tuple[ImageRule, ...]:
    """The user's image map followed by the built-in rules.

    Raises ValueError naming entry, field and remedy when the file is not an ordered list of such entries.
    """
    raise NotImplementedError(path)
