"""What in a page is code."""

import re
from collections.abc import Callable, Iterator

import pytest

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")


@pytest.fixture(scope="session")
def code() -> Callable[[str], list[str]]:
    """The lines of code of a page: fenced, indented and between backticks. One that ends in a backslash goes on."""

    def found(text: str) -> list[str]:
        rest = FENCE.sub("", text)
        blocks = [*FENCE.findall(text), "\n".join(indented(rest))]
        lines = [line.strip() for block in blocks for line in re.sub(r"\\\n\s*", "", block).splitlines()]
        return [line for line in lines if line] + INLINE.findall(rest)

    return found


def indented(text: str) -> Iterator[str]:
    """Lines set in by four, after an empty line, a heading or each other; else they go on with a sentence."""
    code = True
    for line in text.splitlines():
        code = not line.strip() or line.startswith("#") or (code and line.startswith("    "))
        if code and line.startswith("    "):
            yield line
