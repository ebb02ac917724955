"""Inference pipelines: a call goes through the containers of one instance, each getting the reply of the one before."""

from __future__ import annotations

from typing import Any

from sagemaker_local.router import replies
from sagemaker_local.router.invocation import request_for_model
from sagemaker_local.router.pool import Header, Pool
from sagemaker_local.router.watching import WatchedInvocation


class PipelineInvocation(WatchedInvocation):
    """One call. Body and content type of a reply are the next request's; Accept and the runtime's own headers stay.

    The first container's pool is held from the beginning to the end: an instance is drained when no call is anywhere
    between its containers. A later container's connection that closes before a byte came back is tried once more.
    """

    __slots__ = ("_custom", "_ended", "_headers", "_held", "_names", "_number", "_on_instance", "_repeated")

    def __init__(self, headers: list[Header], custom: list[Header], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._headers = [each for each in headers if each[0] == b"accept"]
        self._custom = custom
        self._names = tuple(self._variant.containers)
        self._number = 0
        self._on_instance = ""
        self._held: Pool | None = None
        self._repeated = False
        self._ended = False

    def start(self) -> None:
        """To the first container of an instance; again from there while nothing was answered."""
        if self._number:  # the connection to a later container was refused
            self._no_answer(replies.CLOSED)
            return
        super().start()
        if self._ended or self._pool is self._held:
            return
        self._let_go()
        self._held = self._pool
        if self._held is not None:
            self._held.hold()
        self._on_instance = self._instance_id

    def answered(self, status: int, headers: list[Header], body: bytes) -> None:
        if not 200 <= status < 300 or self._number == len(self._names) - 1:
            self._end()
            super().answered(status, headers, body)
            return
        self._number += 1
        self._repeated = False
        kind = [each for each in headers if each[0] == b"content-type"]
        self._request = request_for_model(kind + self._headers, self._custom, body)
        self._send_on()

    def _send_on(self) -> None:
        """To the container whose turn it is, on the same instance."""
        part = self._variant.containers[self._names[self._number]]
        wanted = f"{self._on_instance}/{self._names[self._number].decode('latin-1')}"
        found = next((pool for name, pool in part.instances if name == wanted), None)
        if found is None:
            self._no_answer(replies.CLOSED)
            return
        self._pool = found
        connection = None if self._repeated else found.take()
        if connection is not None:
            connection.send(self, self._request, self._started + self._limits[1])
            return
        self._begin_to_connect(found)

    def broken(self, *, repeatable: bool, readable: bool = True) -> None:
        if not self._number:
            super().broken(repeatable=repeatable, readable=readable)
        elif repeatable and not self._repeated:
            self._repeated = True
            self._send_on()
        else:
            self._no_answer(replies.CLOSED if readable else replies.UNREADABLE)

    def _model_error(self, status: int, body: bytes) -> None:
        self._instance_id = f"{self._on_instance}/{self._names[self._number].decode('latin-1')}"
        super()._model_error(status, body)

    def _fail(self, failure: replies.RuntimeFailure) -> None:
        self._end()
        super()._fail(failure)

    def _end(self) -> None:
        self._ended = True
        self._let_go()

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.let_go()
            self._held = None
