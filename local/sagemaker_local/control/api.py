"""One SageMaker request from bytes to bytes: limit, faults, validation, behaviour, call log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sagemaker_local.control.calls import DROPPED, OK, CallLog
from sagemaker_local.control.faults import DelayEffect, ErrorEffect, Faults, KillEffect, Place, When
from sagemaker_local.control.limits import RateLimit
from sagemaker_local.control.markers import arm
from sagemaker_local.control.operations.registry import OPERATIONS
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.control.wire.decoding import decode
from sagemaker_local.control.wire.errors import ApiError, role_not_assumable, throttled, unknown_operation, unreadable
from sagemaker_local.control.wire.replies import encoded, encoded_error
from sagemaker_local.control.wire.service import operation_model, resource_name
from sagemaker_local.control.wire.validation import validated
from sagemaker_local.router.callers import Caller

log = logging.getLogger(__name__)

_INTERNAL = ApiError("InternalFailure", "The request failed inside local SageMaker; see its log.", 500)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """``operation`` is what X-Amz-Target names."""

    operation: str
    body: bytes
    caller: Caller
    user_agent: str


@dataclass(frozen=True, slots=True)
class ApiReply:
    """``error`` is the error code of a refusal."""

    status: int
    body: bytes
    error: str = ""


class ReplyLost(Exception):  # noqa: N818 - nothing is wrong: a test asked for it
    """No reply is to be sent: the connection is closed. ``outcome`` is what the call log says."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


async def any_role(arn: str) -> bool:
    """Where there is no IAM."""
    return True


class Api:
    """Answers the operations of the registry from the store. ``now`` is the clock that the answers are dated by.

    ``role_exists`` asks IAM for the role of an ARN.
    """

    def __init__(
        self,
        store: Store,
        faults: Faults,
        limit: RateLimit,
        calls: CallLog,
        now: Callable[[], float] = time.time,
        role_exists: Callable[[str], Awaitable[bool]] = any_role,
    ) -> None:
        self._role_exists = role_exists
        self._now = now
        self._store = store
        self._faults = faults
        self._limit = limit
        self._calls = calls

    async def answer(self, request: ApiRequest) -> ApiReply:
        """Never raises but ReplyLost."""
        name = ""
        try:
            document = _document(request.body)
            with contextlib.suppress(KeyError):
                name = resource_name(operation_model(request.operation), document)
            reply = await self._answer(request, document, name)
        except ReplyLost as lost:
            self._log(request, lost.outcome, name)
            raise
        except ApiError as error:
            reply = ApiReply(error.status, encoded_error(error), error.code)
        except Exception:  # a mistake of ours is answered as AWS answers one of its own
            log.exception("%s failed", request.operation)
            reply = ApiReply(500, encoded_error(_INTERNAL), _INTERNAL.code)
        self._log(request, reply.error or OK, name)
        return reply

    def _log(self, request: ApiRequest, outcome: str, name: str) -> None:
        caller = request.caller
        self._calls.add(request.operation, caller.account, caller.region, outcome, name, request.user_agent)

    async def _answer(self, request: ApiRequest, document: object, name: str) -> ApiReply:
        caller = request.caller
        if not self._limit.allows(request.operation, caller.account, caller.region):
            raise throttled()
        place = (caller.account, caller.region)
        state = self._store.of(*place)
        arm(self._faults, state, request.operation, document, name)
        await self._fault(request.operation, name, "before", place)
        await self._check_role(state, document)
        body = self._perform(request, document)
        await self._fault(request.operation, name, "after", place)
        return ApiReply(200, body)

    def _perform(self, request: ApiRequest, document: object) -> bytes:
        operation = OPERATIONS.get(request.operation)
        if operation is None:
            raise unknown_operation(request.operation)
        model = operation_model(operation.name)
        asked = decode(operation.input_type, validated(model.input, document))
        state = self._store.of(request.caller.account, request.caller.region)
        return encoded(model.output, operation.behaviour(state, asked, self._now()))

    async def _check_role(self, state: AccountState, document: object) -> None:
        """Raises ApiError for an execution role that IAM does not have, if that is looked at."""
        arn = document.get("ExecutionRoleArn") if isinstance(document, dict) else None
        if state.switches.execution_role_must_exist and isinstance(arn, str) and not await self._role_exists(arn):
            raise role_not_assumable(arn)

    async def _fault(self, operation: str, name: str, when: When, place: Place) -> None:
        effect = self._faults.take_effect(operation, name, when, place)
        if effect is None:
            return
        if isinstance(effect, DelayEffect):
            await asyncio.sleep(effect.seconds)
            return
        if isinstance(effect, ErrorEffect):
            raise ApiError(effect.code, effect.message.replace("{operation}", operation), effect.status)
        if isinstance(effect, KillEffect):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(effect.pid, signal.SIGKILL)
        raise ReplyLost(DROPPED if when == "before" else OK)


def _document(body: bytes) -> object:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise unreadable("The body is not JSON.") from None
