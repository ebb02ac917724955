"""The seam between a user and the network: a signed request goes out, one classified reply comes back."""

import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import gevent.ssl
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from sagemaker_loadtest.replies import Outcome, classify
from sagemaker_loadtest.sigv4 import Request

VARIANT_HEADER = "x-amzn-invoked-production-variant"
_ERROR_HEADER = "x-amzn-errortype"
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """`variant` is empty when the reply named none; `size` counts the body's bytes."""

    outcome: Outcome
    variant: str = ""
    size: int = 0


class Transport(Protocol):
    """What a user needs of the network. Never raises for what the endpoint or the network did: that is a Reply."""

    def send(self, request: Request, headers: Mapping[str, str]) -> Reply: ...


class FastHttpTransport:
    """Keep-alive connections of Locust's fast client, shared by all users of a process, without its session layer.

    One TLS context for all (the client would otherwise load the CA bundle for each user), certificates verified, and
    TCP_NODELAY, without which a body of some kilobytes waits for the peer's delayed acknowledgement.
    """

    def __init__(self, client: HTTPClient) -> None:
        self._client = client
        client._connection_pool.after_connect = _no_delay  # type: ignore[method-assign]  # the pool's hook for socket options

    def send(self, request: Request, headers: Mapping[str, str]) -> Reply:
        try:
            response = self._client.request("POST", request.path, request.body, headers)
            body = bytes(response.read())
            error = response.get(_ERROR_HEADER)
            outcome = classify(response.status_code, str(error) if error else None, body)
            return Reply(outcome, str(response.get(VARIANT_HEADER) or ""), len(body))
        except (OSError, HTTPConnectionClosed, HTTPParseError) as error:
            return Reply(_of_error(error))


def _of_error(error: Exception) -> Outcome:
    if isinstance(error, TimeoutError):
        return Outcome.TIME_OUT
    if isinstance(error, ConnectionRefusedError):
        return Outcome.REFUSED
    if isinstance(error, ssl.SSLError | socket.gaierror):
        return Outcome.UNREACHABLE
    if isinstance(error, ConnectionError | HTTPConnectionClosed | HTTPParseError):
        return Outcome.RESET
    return Outcome.UNREACHABLE


def _no_delay(sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def tls_context(**_: Any) -> ssl.SSLContext:
    """A verifying context; AWS_CA_BUNDLE is honoured as by the AWS CLI."""
    bundle = os.environ.get("AWS_CA_BUNDLE")
    context: ssl.SSLContext = gevent.ssl.create_default_context(cafile=bundle or None)
    return context


def connections(*, size: int, timeout_seconds: float) -> HTTPClientPool:
    """At most `size` connections to each host, for all users of the process."""
    return HTTPClientPool(
        ssl_context_factory=tls_context,
        concurrency=size,
        connection_timeout=min(_CONNECT_SECONDS, timeout_seconds),
        network_timeout=timeout_seconds,
    )
