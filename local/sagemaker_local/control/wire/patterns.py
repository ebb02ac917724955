"""The API model's regular expressions, which are Java's, as Python's."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

_UNICODE_CLASS = re.compile(r"\\p\{([LMNPSZ])\}")
_REPEATED_END = re.compile(r"\$\{\d+,\d+\}")


@cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    """None for the few that Python cannot read, so that they are not checked; none of a served operation's is one."""
    try:
        ended = _REPEATED_END.sub("$", pattern)  # Java lets an anchor be repeated, as the metadata's keys have it
        return re.compile(_UNICODE_CLASS.sub(lambda found: _members()[found[1]], ended))
    except re.error:
        return None


@cache
def _members() -> dict[str, str]:
    r"""For each general category of Unicode what stands for ``\p{…}`` between brackets."""
    ranges: dict[str, list[str]] = {}
    start, current = 0, unicodedata.category("\0")[0]
    for point in range(1, sys.maxunicode + 1):
        category = unicodedata.category(chr(point))[0]
        if category != current:
            ranges.setdefault(current, []).append(f"\\U{start:08x}-\\U{point - 1:08x}")
            start, current = point, category
    return {category: "".join(parts) for category, parts in ranges.items()}
