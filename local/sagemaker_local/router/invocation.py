"""One InvokeEndpoint call: from parsed request to reply."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Protocol

from sagemaker_local.router import replies
from sagemaker_local.router.board import EndpointTarget, VariantTarget
from sagemaker_local.router.pool import Header, ModelConnection, Pool

_PASSED = frozenset({b"content-type", b"accept"})
CUSTOM_PREFIX = b"x-amzn-sagemaker-"


class Caller(Protocol):
    """Where the reply goes."""

    def reply(self, head: bytes, body: bytes) -> None:
        """Send status line, headers and body; length, request id and the connection header are added."""


def request_for_model(headers: list[Header], custom: list[Header], body: bytes) -> bytes:
    """The request that a container sees. Credentials and everything else that is SageMaker's business stay outside.

    ``custom`` are those of the headers that are the runtime's own.
    """
    passed = b"".join([b"%b: %b\r\n" % each for each in headers if each[0] in _PASSED])
    if custom:
        passed += b"".join([b"%b: %b\r\n" % each for each in custom])
    return b"POST /invocations HTTP/1.1\r\nhost: model\r\n%bcontent-length: %d\r\n\r\n%b" % (passed, len(body), body)


def reply_head(variant: VariantTarget, headers: list[Header]) -> bytes:
    """Status line and headers of a success, up to the body's length."""
    passed = b"".join(
        b"%b: %b\r\n" % each for each in headers if each[0] == b"content-type" or each[0].startswith(CUSTOM_PREFIX)
    )
    return b"HTTP/1.1 200 OK\r\n" + variant.headers + passed


class Invocation:
    """A request on its way to an instance; tells its caller exactly once.

    A call is sent again when the instance refused the connection, and once, preferably to another instance, when the
    connection was closed before a byte came back: kept connections end that way, and so does a killed instance.
    """

    __slots__ = (
        "_avoided",
        "_caller",
        "_endpoint",
        "_instance_id",
        "_limits",
        "_pool",
        "_request",
        "_started",
        "_tasks",
        "_tried",
        "_variant",
    )

    def __init__(
        self,
        caller: Caller,
        endpoint: EndpointTarget,
        variant: VariantTarget,
        request: bytes,
        limits: tuple[float, float],
        tasks: set[asyncio.Task[None]],
    ) -> None:
        self._caller = caller
        self._endpoint = endpoint
        self._variant = variant
        self._request = request
        self._limits = limits
        self._tasks = tasks
        self._started = perf_counter()
        self._tried: frozenset[Pool] = frozenset()
        self._avoided: frozenset[Pool] = frozenset()
        self._pool: Pool | None = None
        self._instance_id = ""

    def start(self) -> None:
        """Send the request to an instance not tried yet."""
        chosen = self._variant.choose(self._tried | self._avoided) or self._variant.choose(self._tried)
        if chosen is None:
            if self._avoided:
                self._no_answer(replies.CLOSED)
            else:
                self._fail(replies.no_instance(self._endpoint.route, self._variant.route.name))
            return
        self._instance_id, pool = chosen
        self._pool = pool
        connection = None if self._avoided else self._kept(pool)
        if connection is not None:
            connection.send(self, self._request, self._started + self._limits[1])
            return
        self._begin_to_connect(pool)

    def _begin_to_connect(self, pool: Pool) -> None:
        """Under way from now on, and not from the task's first step on: the instance could be ended in between."""
        pool.hold()
        task = asyncio.get_running_loop().create_task(self._connect(pool))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _kept(self, pool: Pool) -> ModelConnection | None:
        return pool.take()

    async def _open(self, pool: Pool) -> ModelConnection:
        return await pool.connect(self._limits[0])

    async def _connect(self, pool: Pool) -> None:
        try:
            connection = await self._open(pool)
        except OSError:
            self._tried |= {pool}
            self.start()
        else:
            connection.send(self, self._request, self._started + self._limits[1])
        finally:
            pool.let_go()

    def answered(self, status: int, headers: list[Header], body: bytes) -> None:
        self._variant.counter.answered(status, int((perf_counter() - self._started) * 1e6))
        if 200 <= status < 300:
            self._caller.reply(reply_head(self._variant, headers), body)
        else:
            self._model_error(status, body)

    def broken(self, *, repeatable: bool, readable: bool = True) -> None:
        if repeatable and not self._avoided and self._pool is not None:
            self._avoided = frozenset({self._pool})
            self.start()
            return
        self._no_answer(replies.CLOSED if readable else replies.UNREADABLE)

    def timed_out(self) -> None:
        self._no_answer(replies.TIMED_OUT)

    def _no_answer(self, why: bytes) -> None:
        self._variant.counter.answered(0, int((perf_counter() - self._started) * 1e6))
        self._model_error(0, why)

    def _model_error(self, status: int, body: bytes) -> None:
        variant = self._variant.route
        self._fail(
            replies.model_error(self._endpoint.route, variant.name, self._instance_id, status, body, variant.log_group)
        )

    def _fail(self, failure: replies.RuntimeFailure) -> None:
        head, body = failure.encode()
        self._caller.reply(head + self._variant.headers, body)
