"""The control plane's HTTP server: SageMaker's API, the admin API, and the way to the inner AWS."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from aiohttp import web

from sagemaker_local.asynchronous.runtime import PREFIX, SUFFIX, AsyncRuntime, failed
from sagemaker_local.control.admin import Admin
from sagemaker_local.control.api import Api, ApiReply, ApiRequest, ReplyLost
from sagemaker_local.control.wire.errors import ApiError, unknown_operation
from sagemaker_local.control.wire.replies import CONTENT_TYPE, encoded_error, request_id
from sagemaker_local.control.wire.service import TARGET_PREFIX
from sagemaker_local.inner.passage import Passage
from sagemaker_local.router.callers import AccessKey, Caller, caller_of, credential_of, presigned_credential_of
from sagemaker_local.router.limits import ADMIN_PREFIX
from sagemaker_local.router.replies import EXPIRED_TOKEN, INVALID_SIGNATURE, MISSING_TOKEN
from sagemaker_local.scaling.api import TARGET_PREFIX as SCALING_PREFIX
from sagemaker_local.scaling.api import ScalingApi, is_ours

_KEEP_ALIVE_SECONDS = 24 * 3600  # the router ends idle connections; ending one here may lose a request on its way

_MISSING = ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
_INCOMPLETE = ApiError(
    "IncompleteSignatureException",
    "Authorization header requires 'Credential' parameter of the form key/date/region/service/aws4_request.",
    403,
)
_EXPIRED = ApiError(EXPIRED_TOKEN.code, EXPIRED_TOKEN.message or "", EXPIRED_TOKEN.status)


class ControlServer:
    """Tells requests apart. ``access_keys`` are those that were given out; they may get more."""

    def __init__(
        self,
        api: Api,
        admin: Admin,
        passage: Passage,
        access_keys: Mapping[str, AccessKey],
        runtime: AsyncRuntime,
        scaling: ScalingApi,
    ) -> None:
        self._scaling = scaling
        self._api = api
        self._runtime = runtime
        self._admin = admin
        self._passage = passage
        self._access_keys = access_keys
        self._runner = web.ServerRunner(
            web.Server(self._answer, access_log=None, keepalive_timeout=_KEEP_ALIVE_SECONDS)
        )

    async def start(self, listener: socket.socket) -> None:
        """Serve on a listening socket."""
        await self._runner.setup()
        await web.SockSite(self._runner, listener, backlog=1024).start()

    async def close(self) -> None:
        """Finish requests under way, stop serving."""
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        target = request.headers.get("X-Amz-Target", "")
        if target.startswith(TARGET_PREFIX):
            return await self._sagemaker(request, target.removeprefix(TARGET_PREFIX))
        read = await request.read() if target.startswith(SCALING_PREFIX) else None
        if read is not None and is_ours(target.removeprefix(SCALING_PREFIX), read):
            return await self._scale(request, target.removeprefix(SCALING_PREFIX), read)
        if request.raw_path.startswith(ADMIN_PREFIX):  # as the router reads it, which lets only this machine in
            return await self._admin.answer(request)
        if request.path == ADMIN_PREFIX.rstrip("/"):
            return web.Response(status=308, headers={"Location": ADMIN_PREFIX})
        if request.path.startswith(PREFIX) and request.path.endswith(SUFFIX) and request.method == "POST":
            return await self._asynchronous(request)
        if request.path.startswith(PREFIX):
            return _reply(_refused(unknown_operation(f"of the runtime at {request.path}")))
        credential = _credential(request)
        caller = caller_of(credential, self._access_keys) if credential else None
        service = credential.rsplit(b"/", 2)[-2].decode("latin-1") if caller and credential else ""
        return await self._passage.answer(request, caller, service, read)

    async def _scale(self, request: web.BaseRequest, operation: str, body: bytes) -> web.StreamResponse:
        caller = self._caller(request)
        if isinstance(caller, ApiError):
            return _reply(_refused(caller))
        agent = request.headers.get("User-Agent", "")
        return _reply(await self._scaling.answer(ApiRequest(operation, body, caller, agent)))

    def _caller(self, request: web.BaseRequest) -> Caller | ApiError:
        credential = _credential(request)
        if credential is None:
            return _MISSING
        caller = caller_of(credential, self._access_keys)
        if caller is None:
            return _INCOMPLETE
        return _EXPIRED if caller.expired else caller

    async def _asynchronous(self, request: web.BaseRequest) -> web.StreamResponse:
        credential = _credential(request)
        if credential is None:
            return failed(MISSING_TOKEN)
        caller = caller_of(credential, self._access_keys)
        if caller is None:
            return failed(INVALID_SIGNATURE)
        return failed(EXPIRED_TOKEN) if caller.expired else await self._runtime.answer(request, caller)

    async def _sagemaker(self, request: web.BaseRequest, operation: str) -> web.StreamResponse:
        body = await request.read()
        caller = self._caller(request)
        if isinstance(caller, ApiError):
            return _reply(_refused(caller))
        agent = request.headers.get("User-Agent", "")
        try:
            return _reply(await self._api.answer(ApiRequest(operation, body, caller, agent)))
        except ReplyLost:
            if request.transport is not None:
                request.transport.close()
            return web.Response()


def _credential(request: web.BaseRequest) -> bytes | None:
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        return credential_of(authorization.encode("latin-1", "replace")) or b""
    return presigned_credential_of(request.raw_path.encode("latin-1", "replace"))


def _refused(error: ApiError) -> ApiReply:
    return ApiReply(error.status, encoded_error(error), error.code)


def _reply(reply: ApiReply) -> web.Response:
    headers = {"x-amzn-RequestId": request_id(), "Content-Type": CONTENT_TYPE}
    return web.Response(status=reply.status, body=reply.body, headers=headers)
