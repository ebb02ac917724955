"""Signature Version 4 for calls of the SageMaker runtime and of S3, as cheap as it can be and byte for byte botocore's.

What does not change is computed once: the body's hash when the payload is loaded, the signing key once per day and
credentials, the whole header set once per second and payload (X-Amz-Date has no finer resolution).
Source of the rules: AWS, "Create a signed AWS API request"; service name `sagemaker` from the runtime's service model.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass

SERVICE = "sagemaker"
USER_AGENT = "sagemaker-loadtest"
_ALGORITHM = "AWS4-HMAC-SHA256"
_NOT_SIGNED = frozenset(("expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"))


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request is signed with; `token` only for temporary ones. Never printed."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return "Credentials(…)"


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A request whose bytes are known beforehand. `host` is the Host header, `headers` those that the caller sets,
    `path` is percent-encoded as it is sent. `once`: it is not sent again, so its signature is not kept.

    Compared by identity: it is the key under which its signature is cached, and its body may be megabytes.
    """

    host: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_sha256: str
    method: str = "POST"
    once: bool = False


def make_request(host: str, path: str, headers: Mapping[str, str], body: bytes) -> Request:
    """A request with its body hashed, once and for all."""
    return Request(host, path, tuple(headers.items()), body, hashlib.sha256(body).hexdigest())


def head_of(request: Request, headers: Mapping[str, str]) -> bytes:
    """Request line and headers, to the empty line."""
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if request.body or request.method != "GET":
        lines.append(f"Content-Length: {len(request.body)}")
    return ("\r\n".join(lines) + f"\r\nUser-Agent: {USER_AGENT}\r\n\r\n").encode()


class Signer:
    """Signs requests of one region and service. Holds caches, so one per process; not safe between threads."""

    def __init__(self, credentials: Credentials, region: str, service: str = SERVICE) -> None:
        self.credentials = credentials
        self._region = region
        self._service = service
        self._day = ""
        self._key = b""
        self._second = -1
        self._stamp = ""
        self._signed: dict[Request, dict[str, str]] = {}
        self._heads: dict[Request, bytes] = {}

    def headers(self, request: Request, now: float | None = None) -> dict[str, str]:
        """All headers to send beside Content-Length. The dict is shared: do not change it."""
        self._tick(int(time.time() if now is None else now))
        signed = self._signed.get(request)
        if signed is None:
            signed = self._signed[request] = self._sign(request)
        return signed

    def head(self, request: Request, now: float | None = None) -> bytes:
        """The request up to its body, ready to be sent."""
        self._tick(int(time.time() if now is None else now))
        head = self._heads.get(request)
        if head is None:
            head = head_of(request, self._sign(request))
            if not request.once:
                self._heads[request] = head
        return head

    def _tick(self, second: int) -> None:
        if second == self._second:
            return
        self._second = second
        self._stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        self._signed, self._heads = {}, {}
        if self._stamp[:8] != self._day:
            self._day = self._stamp[:8]
            key = b"AWS4" + self.credentials.secret_key.encode()
            for part in (self._day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = key

    def _sign(self, request: Request) -> dict[str, str]:
        sent = {"Host": request.host, **dict(request.headers)}
        sent["X-Amz-Date"] = self._stamp
        if self.credentials.token:
            sent["X-Amz-Security-Token"] = self.credentials.token
        canonical = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
        names = sorted(name for name in canonical if name not in _NOT_SIGNED)
        signed_names = ";".join(names)
        lines = "".join(f"{name}:{canonical[name]}\n" for name in names)
        document = f"{request.method}\n{request.path}\n\n{lines}\n{signed_names}\n{request.body_sha256}"
        scope = f"{self._day}/{self._region}/{self._service}/aws4_request"
        to_sign = f"{_ALGORITHM}\n{self._stamp}\n{scope}\n{hashlib.sha256(document.encode()).hexdigest()}"
        signature = hmac.digest(self._key, to_sign.encode(), "sha256").hex()
        sent["Authorization"] = (
            f"{_ALGORITHM} Credential={self.credentials.access_key}/{scope}, "
            f"SignedHeaders={signed_names}, Signature={signature}"
        )
        return sent
