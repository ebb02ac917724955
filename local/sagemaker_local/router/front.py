"""One client connection on the public port: invocations answered here, everything else passed to the control plane."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import deque
from time import perf_counter
from typing import Any

import httptools

from sagemaker_local.router import callers, custom_headers, replies
from sagemaker_local.router.board import Board, EndpointTarget, VariantTarget
from sagemaker_local.router.invocation import CUSTOM_PREFIX, Invocation, request_for_model
from sagemaker_local.router.limits import ADMIN_PREFIX, RouterSettings
from sagemaker_local.router.request import Request
from sagemaker_local.router.special import Call, Special
from sagemaker_local.router.stream import StreamInvocation
from sagemaker_local.router.upstream import Upstream
from sagemaker_local.router.watching import Outcome, WatchedInvocation, Watcher

_ADMIN = ADMIN_PREFIX.encode()
_CACHED = 10_000


class Front:
    """What all client connections share."""

    def __init__(self, board: Board, settings: RouterSettings) -> None:
        self.board = board
        self.settings = settings
        self.limits = (settings.connect_timeout_seconds, settings.model_timeout_seconds)
        self.tasks: set[asyncio.Task[None]] = set()
        self.special = Special(board, settings, self.tasks)
        self.clients: set[ClientConnection] = set()
        self.closing = False
        self._callers: dict[bytes, callers.Caller | None] = {}

    def connection(self) -> ClientConnection:
        """Protocol factory."""
        return ClientConnection(self)

    def caller(self, credential: bytes) -> callers.Caller | None:
        """The caller of a credential, remembered."""
        try:
            return self._callers[credential]
        except KeyError:
            if len(self._callers) >= _CACHED:
                self._callers.clear()
            found = self._callers[credential] = callers.caller_of(credential, self.board.table.access_keys)
            return found

    def forget_callers(self) -> None:
        """The access keys that are known changed."""
        self._callers.clear()


class ClientConnection(asyncio.Protocol):
    """Parses requests and answers them in order, one at a time."""

    __slots__ = ("_front", "_incoming", "_parser", "_requests", "stream", "transport", "upstream")

    def __init__(self, front: Front) -> None:
        self._front = front
        self._parser: Any = httptools.HttpRequestParser(self)
        self._requests: deque[Request] = deque()
        self._incoming: Request = Request(b"")
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set before first use
        self.upstream: Upstream | None = None
        self.stream: StreamInvocation | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP connection's transport is a Transport
        self._front.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._front.clients.discard(self)
        if self.upstream is not None:
            self.upstream.close()
        if self.stream is not None:
            self.stream.abandon()

    @property
    def busy(self) -> bool:
        """Whether a reply is owed."""
        return bool(self._requests)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()

    def pause_writing(self) -> None:
        if self.upstream is not None:
            self.upstream.pause()
        if self.stream is not None:
            self.stream.pause()

    def resume_writing(self) -> None:
        if self.upstream is not None:
            self.upstream.resume()
        if self.stream is not None:
            self.stream.resume()

    def on_url(self, url: bytes) -> None:
        self._incoming.target += url

    def on_message_begin(self) -> None:
        self._incoming = Request(b"")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._incoming.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        request = self._incoming
        request.head_complete(self._parser)
        self._requests.append(request)
        if len(self._requests) == 1:
            self._begin(request)

    def on_body(self, body: bytes) -> None:
        request = self._incoming
        if request.passage is not None:
            request.passage.body(body)
            return
        request.size += len(body)
        if request.endpoint is None or request.size <= self._front.settings.max_body_bytes:
            request.body.append(body)

    def on_message_complete(self) -> None:
        request = self._incoming
        request.complete = True
        request.keep_alive = self._parser.should_keep_alive()
        if request.passage is not None:
            request.passage.end()
        elif self._requests and request is self._requests[0]:
            self._invoke(request)

    def _begin(self, request: Request) -> None:
        """It is this request's turn. Its body may still be on its way."""
        if any(name == b"expect" for name, _ in request.headers):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.endpoint is None:
            self._pass_on(request)

    def _pass_on(self, request: Request) -> None:
        if request.target.startswith(_ADMIN) and not self._on_this_machine():
            self.transport.write(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self._requests.clear()
            self.transport.close()
            return
        if self.upstream is None:
            address = (self._front.settings.upstream_host, self._front.settings.upstream_port)
            self.upstream = Upstream(address, self, self._front.tasks)
        request.passage = self.upstream.begin(request.method, request.target, request.version, request.headers)
        for chunk in request.body:
            request.passage.body(chunk)
        request.body.clear()
        if request.complete:
            request.passage.end()

    def _on_this_machine(self) -> bool:
        host = ipaddress.ip_address(self.transport.get_extra_info("peername")[0].partition("%")[0])
        return (getattr(host, "ipv4_mapped", None) or host).is_loopback

    def _invoke(self, request: Request) -> None:
        found = self._authorised(request)
        if isinstance(found, replies.RuntimeFailure):
            self.reply(*found.encode())
            return
        request.custom = [each for each in request.headers if each[0].startswith(CUSTOM_PREFIX)]
        if request.custom or request.stream or found.special:
            self._front.special.invoke(self, request, found)
            return
        variant = found.by_weight()
        if variant is None:
            self.reply(*replies.no_weight(found.route).encode())
            return
        self.send(request, found, variant)

    def send(
        self, request: Call, found: EndpointTarget, variant: VariantTarget, watchers: list[Watcher] | None = None
    ) -> None:
        """Send the request to an instance of the variant; each watcher is told of the outcome."""
        body = b"".join(request.body)
        variant.counter.period.overhead(int((perf_counter() - request.arrived) * 1e6))
        if variant.route.echo:
            variant.counter.answered(200, 0)
            kind = custom_headers.value_of(request.headers, b"content-type") or b"application/octet-stream"
            for each in watchers or ():
                each(Outcome(200, [(b"content-type", kind)], body))
            self.reply(b"HTTP/1.1 200 OK\r\n%bcontent-type: %b\r\n" % (variant.headers, kind), body)
            return
        wire = request_for_model(request.headers, request.custom, body)
        front = self._front
        if watchers:
            WatchedInvocation(watchers, self, found, variant, wire, front.limits, front.tasks).start()
        else:
            Invocation(self, found, variant, wire, front.limits, front.tasks).start()

    def _authorised(self, request: Request) -> EndpointTarget | replies.RuntimeFailure:
        """The endpoint, if the caller may be told of it and the body is within its limit."""
        authorization = next((value for name, value in request.headers if name == b"authorization"), None)
        if authorization is not None:
            credential = callers.credential_of(authorization)
        else:
            credential = callers.presigned_credential_of(request.target)
            if credential is None:
                return replies.MISSING_TOKEN
        caller = self._front.caller(credential) if credential else None
        if caller is None:
            return replies.INVALID_SIGNATURE
        if caller.expired:
            return replies.EXPIRED_TOKEN
        name = request.endpoint or ""
        target = self._front.board.targets.get((caller.account, caller.region, name))
        if target is None or not target.serving:
            if target is not None and target.route.asynchronous:
                return replies.asynchronous(name)
            return replies.endpoint_not_found(name, caller.account, target.route.status if target else None)
        if request.size > self._front.settings.max_body_bytes:
            return replies.body_too_large(self._front.settings.max_body_bytes)
        return target

    def reply(self, head: bytes, body: bytes) -> None:
        request = self._requests[0]
        keep = request.complete and request.keep_alive and not self._front.closing
        if not self.transport.is_closing():
            self.transport.write(
                b"%bx-amzn-RequestId: %b\r\n%bContent-Length: %d\r\n\r\n%b"
                % (head, replies.request_id(), b"" if keep else b"Connection: close\r\n", len(body), body)
            )
        self.done(keep=keep)

    def done(self, *, keep: bool) -> None:
        """The reply to the first request is written; go on with the next."""
        request = self._requests.popleft()
        if not keep or not request.keep_alive:
            self._requests.clear()
            self.transport.close()
            return
        if self._requests:
            following = self._requests[0]
            self._begin(following)
            if following.complete and following.endpoint is not None:
                self._invoke(following)
