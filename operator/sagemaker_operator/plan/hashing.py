"""Content hashes of AWS requests: the same content has the same name, for ever (a golden file pins it)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

CONTENT_DIGITS = 10
INITIAL_VALUES_DIGITS = 4


def content_hash(content: Mapping[str, Any], digits: int = CONTENT_DIGITS) -> str:
    """The first hex digits of the SHA-256 of the canonical JSON. Unset members must be left out, not null."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:digits]
