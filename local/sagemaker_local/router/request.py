"""One request of a client, from its first line to its last byte."""

from __future__ import annotations

from time import perf_counter
from typing import Any
from urllib.parse import unquote

from sagemaker_local.router.pool import Header
from sagemaker_local.router.upstream import Passage

_PREFIX, _SUFFIX, _STREAM_SUFFIX = b"/endpoints/", b"/invocations", b"/invocations-response-stream"


class Request:
    """One request as far as it has arrived. ``endpoint`` is None for what is not an invocation.

    ``custom`` are the headers of the runtime's own. ``stream``: the reply is asked for as an event stream.
    """

    __slots__ = (
        "arrived",
        "body",
        "complete",
        "custom",
        "endpoint",
        "headers",
        "keep_alive",
        "method",
        "passage",
        "size",
        "stream",
        "target",
        "version",
    )

    def __init__(self, target: bytes) -> None:
        self.target = target
        self.arrived = perf_counter()
        self.method = b""
        self.version = "1.1"
        self.headers: list[Header] = []
        self.custom: list[Header] = []
        self.body: list[bytes] = []
        self.size = 0
        self.complete = False
        self.keep_alive = True
        self.endpoint: str | None = None
        self.passage: Passage | None = None
        self.stream = False

    def head_complete(self, parser: Any) -> None:
        """Method and version are known; tell invocations from the rest."""
        self.method = parser.get_method()
        self.version = parser.get_http_version()
        path = self.target.partition(b"?")[0]
        if self.method != b"POST" or not path.startswith(_PREFIX):
            return
        self.stream = path.endswith(_STREAM_SUFFIX)
        if self.stream or path.endswith(_SUFFIX):
            name = path[len(_PREFIX) : -len(_STREAM_SUFFIX if self.stream else _SUFFIX)]
            if name and b"/" not in name:
                self.endpoint = unquote(name.decode("latin-1"))
