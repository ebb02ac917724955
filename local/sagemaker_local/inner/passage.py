"""Requests that are not SageMaker's, on their way to the inner AWS and back; large bodies are streamed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sagemaker_local.router.callers import Caller

_READ_WHOLE_BYTES = 256 * 1024
_CHUNK = 256 * 1024
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"}
)
_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_LOGGED_SERVICES = frozenset({"sts", "logs"})
_GIVES_KEYS = frozenset({"sts", "iam"})
_ACCESS_KEY = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")
_ASSUMED_ROLE = re.compile(rb"<Arn>arn:[^:<]*:sts::(\d{12}):assumed-role/")
_ERROR_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"')


@dataclass(frozen=True, slots=True)
class Passed:
    """A call that the log should know of."""

    operation: str
    outcome: str
    caller: Caller
    user_agent: str


class Passage:
    """``on_key`` hears of access keys that STS and IAM give out, ``on_call`` of calls to STS and CloudWatch Logs."""

    def __init__(self, url: str, on_key: Callable[[str, str], None], on_call: Callable[[Passed], None]) -> None:
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
            role = _ASSUMED_ROLE.search(content)
            self._on_key(key[1].decode(), role[1].decode() if role else caller.account)
        if service in _LOGGED_SERVICES:
            operation = _operation(request, body if isinstance(body, bytes) else b"")
            agent = request.headers.get("User-Agent", "")
            self._on_call(Passed(operation, _outcome(upstream.status, content), caller, agent))
        headers = _end_to_end(upstream.headers)
        headers.popall("Content-Length", None)
        headers.popall("Transfer-Encoding", None)
        return web.Response(status=upstream.status, headers=headers, body=content)


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
    action = parse_qs(body.decode("latin-1")).get("Action") or parse_qs(request.query_string).get("Action")
    return action[0] if action else request.path


def _outcome(status: int, content: bytes) -> str:
    if status < 400:
        return "ok"
    found = _ERROR_CODE.search(content)
    return (found[1] or found[2]).decode("utf-8", "replace") if found else str(status)
