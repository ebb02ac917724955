"""InvokeEndpointAsync over HTTP: 202 once the request is in the queue."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

from aiohttp import web

from sagemaker_local.asynchronous.dispatcher import Dispatcher
from sagemaker_local.asynchronous.request import InvalidRequestError, read_request
from sagemaker_local.control.state.store import Store
from sagemaker_local.router import replies
from sagemaker_local.router.callers import Caller
from sagemaker_local.router.routes import SERVING

PREFIX, SUFFIX = "/endpoints/", "/async-invocations"


class AsyncRuntime:
    """Answers the calls; ``now`` is the clock that requests expire by."""

    def __init__(self, store: Store, dispatcher: Dispatcher, now: Callable[[], float]) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._now = now

    async def answer(self, request: web.BaseRequest, caller: Caller) -> web.Response:
        """An error is one of the runtime's."""
        name = request.path.removeprefix(PREFIX).removesuffix(SUFFIX)
        key = (caller.account, caller.region, name)
        endpoint = self._store.endpoint(key)
        if endpoint is None or endpoint.status not in SERVING:
            return failed(replies.endpoint_not_found(name, caller.account, endpoint.status if endpoint else None))
        config = endpoint.features.asynchronous
        if config is None:
            return failed(replies.not_asynchronous(name))
        headers = {each.lower(): value for each, value in request.headers.items()}
        try:
            asked = read_request(key, config, headers, await request.read(), str(uuid.uuid4()), self._now())
        except InvalidRequestError as error:
            if error.violations:
                return failed(replies.constraints(error.violations))
            return failed(replies.RuntimeFailure(400, "ValidationError", error.message))
        self._dispatcher.accept(asked)
        places = {"X-Amzn-SageMaker-OutputLocation": asked.output_location}
        if asked.failure_location is not None:
            places["X-Amzn-SageMaker-FailureLocation"] = asked.failure_location
        body = json.dumps({"InferenceId": asked.inference_id})
        return web.Response(status=202, text=body, headers=_id() | places, content_type="application/json")


def failed(failure: replies.RuntimeFailure) -> web.Response:
    """An error of the runtime."""
    _, body = failure.encode()
    headers = _id() | {"x-amzn-ErrorType": failure.code}
    return web.Response(status=failure.status, body=body, headers=headers, content_type="application/json")


def _id() -> dict[str, str]:
    return {"x-amzn-RequestId": replies.request_id().decode()}
