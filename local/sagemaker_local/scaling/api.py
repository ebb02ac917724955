"""One request of Application Auto Scaling from bytes to bytes."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from functools import cache

import botocore.session
from botocore.model import ServiceModel

from sagemaker_local.control.api import ApiReply, ApiRequest
from sagemaker_local.control.calls import OK, CallLog
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.control.wire.decoding import decode
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.control.wire.replies import encoded, encoded_error
from sagemaker_local.control.wire.validation import validated
from sagemaker_local.scaling.operations import OPERATIONS
from sagemaker_local.scaling.records import NAMESPACE

log = logging.getLogger(__name__)

TARGET_PREFIX = "AnyScaleFrontendService."

_INTERNAL = ApiError("InternalServiceException", "The request failed inside local SageMaker; see its log.", 500)


@cache
def _service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("application-autoscaling")


def is_ours(operation: str, body: bytes) -> bool:
    """Whether the request is about SageMaker and served here; the rest is moto's."""
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return False
    return operation in OPERATIONS and isinstance(document, dict) and document.get("ServiceNamespace") == NAMESPACE


class ScalingApi:
    """Answers from the store. ``changed`` tells CloudWatch of alarms that policies made or took away."""

    def __init__(
        self,
        store: Store,
        calls: CallLog,
        now: Callable[[], float],
        changed: Callable[[AccountState], Awaitable[None]],
    ) -> None:
        self._store = store
        self._calls = calls
        self._now = now
        self._changed = changed

    async def answer(self, request: ApiRequest) -> ApiReply:
        """Never raises."""
        caller = request.caller
        state = self._store.of(caller.account, caller.region)
        document = json.loads(request.body)
        try:
            operation, model = OPERATIONS[request.operation], _service().operation_model(request.operation)
            assert model.input_shape is not None  # noqa: S101 - every operation here has one
            asked = decode(operation.input_type, validated(model.input_shape, document))
            reply = ApiReply(200, encoded(model.output_shape, operation.behaviour(state, asked, self._now())) or b"{}")
            await self._changed(state)
        except ApiError as error:
            reply = ApiReply(error.status, encoded_error(error), error.code)
        except Exception:  # a mistake of ours is answered as AWS answers one of its own
            log.exception("%s failed", request.operation)
            reply = ApiReply(500, encoded_error(_INTERNAL), _INTERNAL.code)
        name = document.get("ResourceId", "")
        outcome = reply.error or OK
        self._calls.add(request.operation, caller.account, caller.region, outcome, str(name), request.user_agent)
        return reply
