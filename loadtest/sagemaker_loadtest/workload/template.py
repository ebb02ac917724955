"""Bodies that differ in every request: `${uuid}`, `${number}`, `${timestamp}` are filled in as it is sent."""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sagemaker_loadtest.api.errors import ConfigurationError

_PLACEHOLDER = re.compile(rb"\$\{([A-Za-z]+)\}")
PLACEHOLDERS = ("number", "timestamp", "uuid")
"""number: one that no other request of the run has; timestamp: milliseconds since 1970; uuid: a random one."""


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and, between them, the names of placeholders."""

    texts: tuple[bytes, ...]
    names: tuple[str, ...]

    def fill(self, number: int) -> bytes:
        """A body of its own."""
        parts = [self.texts[0]]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            parts += (_FILLERS[name](number), text)
        return b"".join(parts)


def template_of(body: bytes, where: str) -> Template:
    """The template in a body. Raises ConfigurationError when it has no placeholder, or one that is not known."""
    texts = _PLACEHOLDER.split(body)
    names = tuple(name.decode() for name in texts[1::2])
    unknown = sorted(set(names) - set(PLACEHOLDERS))
    if unknown or not names:
        told = (
            f"${{{unknown[0]}}} is no placeholder" if unknown else "template is true and there is no placeholder in it"
        )
        known = ", ".join(f"${{{name}}}" for name in PLACEHOLDERS)
        raise ConfigurationError(f"{where}: {told}; known are {known}")
    return Template(tuple(texts[0::2]), names)


def numbers(*, worker: int, workers: int) -> Iterator[int]:
    """Numbers that no other worker of the run uses."""
    number = worker
    while True:
        yield number
        number += workers


_FILLERS: dict[str, Callable[[int], bytes]] = {
    "number": lambda number: b"%d" % number,
    "timestamp": lambda _: b"%d" % (time.time() * 1000),
    "uuid": lambda _: str(uuid.uuid4()).encode(),
}
