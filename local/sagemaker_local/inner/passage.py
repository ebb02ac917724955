"""Requests that are not SageMaker's, on their way to the inner AWS and back; large bodies are streamed."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sagemaker_local.router.callers import DEFAULT_ACCOUNT, AccessKey, Caller

_READ_WHOLE_BYTES = 256 * 1024
_CHUNK = 256 * 1024
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"}
)
_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_LOGGED_SERVICES = frozenset({"sts", "logs"})
_GIVES_KEYS = frozenset({"sts", "iam"})
_ACCESS_KEY = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")
_EXPIRATION = re.compile(rb"(?<=<Expiration>)[^<]+(?=</Expiration>)")
_ASSUMED_ROLE = re.compile(rb"<Arn>arn:[^:<]*:sts::(\d{12}):assumed-role/")
_ERROR_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"')

_ROLE_ARN = re.compile(r"arn:[^:]*:iam::(\d{12}):role/.+")
_ACCOUNT_HEADER = "X-Moto-Account-Id"
_WEB_IDENTITY = "AssumeRoleWithWebIdentity"
_GLOBAL_REGION = "us-east-1"
"""Where STS is that no region was named to."""

OnKey = Callable[[str, AccessKey], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Passed:
    """A call that the log should know of."""

    operation: str
    outcome: str
    caller: Caller
    user_agent: str


class Passage:
    """``on_key`` hears of access keys that STS and IAM give out, before their owner does; ``on_call`` of calls to STS
    and CloudWatch Logs. ``session_seconds`` is the longest that the keys of a role are good for."""

    def __init__(
        self, url: str, on_key: OnKey, on_call: Callable[[Passed], None], session_seconds: float | None = None
    ) -> None:
        self._session_seconds = session_seconds
        self._url = url
        self._on_key = on_key
        self._on_call = on_call
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            skip_auto_headers=_NOT_ADDED,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def answer(
        self, request: web.BaseRequest, caller: Caller | None, service: str, read: bytes | None = None
    ) -> web.StreamResponse:
        """Pass the request on as it is; 503 when the inner AWS is gone. ``read`` is a body that was read already."""
        body = await self._body(request) if read is None else read
        url = URL(self._url + request.raw_path, encoded=True)
        headers = _end_to_end(request.headers)
        if caller is not None:
            headers[_ACCOUNT_HEADER] = caller.account  # moto forgets the keys that it gave out when it starts again
        elif request.path == "/" and not isinstance(body, aiohttp.StreamReader):
            caller, service = _without_keys(_form(request, body or b"")), "sts"
        try:
            async with self._session.request(
                request.method, url, headers=headers, data=body, allow_redirects=False
            ) as upstream:
                if caller is not None and (service in _LOGGED_SERVICES or service in _GIVES_KEYS):
                    return await self._small(request, body, upstream, caller, service)
                return await _streamed(request, upstream)
        except aiohttp.ClientConnectionError as error:
            return web.Response(status=503, text=f"The inner AWS (S3, STS, IAM, logs) does not answer: {error}")

    async def _body(self, request: web.BaseRequest) -> bytes | aiohttp.StreamReader | None:
        if not request.can_read_body:
            return None
        length = request.content_length
        if length is not None and length <= _READ_WHOLE_BYTES:
            return await request.content.read(-1)
        return request.content

    async def _small(
        self,
        request: web.BaseRequest,
        body: object,
        upstream: aiohttp.ClientResponse,
        caller: Caller,
        service: str,
    ) -> web.Response:
        """A reply read in full, because it may carry an access key and its outcome is logged."""
        content = await upstream.read()
        if service in _GIVES_KEYS and (key := _ACCESS_KEY.search(content)):
            given = AccessKey(caller.account)
            if role := _ASSUMED_ROLE.search(content):
                content, expires = self._limited(content)
                given = AccessKey(role[1].decode(), expires)
            await self._on_key(key[1].decode(), given)
        if service in _LOGGED_SERVICES:
            operation = _operation(request, body if isinstance(body, bytes) else b"")
            agent = request.headers.get("User-Agent", "")
            self._on_call(Passed(operation, _outcome(upstream.status, content), caller, agent))
        headers = _end_to_end(upstream.headers)
        headers.popall("Content-Length", None)
        headers.popall("Transfer-Encoding", None)
        return web.Response(status=upstream.status, headers=headers, body=content)

    def _limited(self, content: bytes) -> tuple[bytes, float | None]:
        """A role's session, with its end no later than we may have it, and that end in epoch seconds."""
        found = _EXPIRATION.search(content)
        if found is None:
            return content, None
        expires = datetime.fromisoformat(found[0].decode()).timestamp()
        if self._session_seconds is None or expires <= time.time() + self._session_seconds:
            return content, expires
        expires = time.time() + self._session_seconds
        text = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return content[: found.start()] + text.encode() + content[found.end() :], expires


def _without_keys(form: Mapping[str, str]) -> Caller | None:
    """Who asks STS for keys with a token instead of keys: the account that the role is in."""
    if form.get("Action") != _WEB_IDENTITY:
        return None
    found = _ROLE_ARN.fullmatch(form.get("RoleArn", ""))
    return Caller(found[1] if found else DEFAULT_ACCOUNT, _GLOBAL_REGION)


async def _streamed(request: web.BaseRequest, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = _end_to_end(upstream.headers)
    chunked = headers.popall("Transfer-Encoding", None) is not None
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
    if chunked:
        response.enable_chunked_encoding()
    await response.prepare(request)
    if request.method != "HEAD":
        async for chunk in upstream.content.iter_chunked(_CHUNK):
            await response.write(chunk)
    await response.write_eof()
    return response


def _end_to_end(headers: object) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()  # type: ignore[attr-defined]  # any of aiohttp's header mappings
        if name.lower() not in _HOP_BY_HOP
    )


def _operation(request: web.BaseRequest, body: bytes) -> str:
    target = request.headers.get("X-Amz-Target", "")
    if target:
        return target.rpartition(".")[2]
    return _form(request, body).get("Action", request.path)


def _form(request: web.BaseRequest, body: bytes) -> dict[str, str]:
    """Of a call in the query protocol, whose parameters are in the body, or in the URL."""
    parameters = parse_qs(request.query_string) | parse_qs(body.decode("latin-1"))
    return {name: values[0] for name, values in parameters.items()}


def _outcome(status: int, content: bytes) -> str:
    if status < 400:
        return "ok"
    found = _ERROR_CODE.search(content)
    return (found[1] or found[2]).decode("utf-8", "replace") if found else str(status)
