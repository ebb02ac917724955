"""Signature Version 4 for InvokeEndpoint, as cheap as it can be and byte for byte botocore's.

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
    """A POST whose bytes are known beforehand. `host` is the Host header, `headers` those that the caller sets.

    Compared by identity: it is the key under which its signature is cached, and its body may be megabytes.
    """

    host: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_sha256: str


def make_request(host: str, path: str, headers: Mapping[str, str], body: bytes) -> Request:
    """A request with its body hashed, once and for all."""
    return Request(host, path, tuple(headers.items()), body, hashlib.sha256(body).hexdigest())


class Signer:
    """Signs requests of one region. Holds caches, so one per process; not safe between threads."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        self.credentials = credentials
        self._region = region
        self._day = ""
        self._key = b""
        self._second = -1
        self._stamp = ""
        self._signed: dict[Request, dict[str, str]] = {}

    def headers(self, request: Request, now: float | None = None) -> dict[str, str]:
        """All headers to send beside Content-Length. The dict is shared: do not change it."""
        self._tick(int(time.time() if now is None else now))
        signed = self._signed.get(request)
        if signed is None:
            signed = self._signed[request] = self._sign(request)
        return signed

    def _tick(self, second: int) -> None:
        if second == self._second:
            return
        self._second = second
        self._stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        self._signed = {}
        if self._stamp[:8] != self._day:
            self._day = self._stamp[:8]
            key = b"AWS4" + self.credentials.secret_key.encode()
            for part in (self._day, self._region, SERVICE, "aws4_request"):
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
        document = f"POST\n{request.path}\n\n{lines}\n{signed_names}\n{request.body_sha256}"
        scope = f"{self._day}/{self._region}/{SERVICE}/aws4_request"
        to_sign = f"{_ALGORITHM}\n{self._stamp}\n{scope}\n{hashlib.sha256(document.encode()).hexdigest()}"
        signature = hmac.digest(self._key, to_sign.encode(), "sha256").hex()
        sent["Authorization"] = (
            f"{_ALGORITHM} Credential={self.credentials.access_key}/{scope}, "
            f"SignedHeaders={signed_names}, Signature={signature}"
        )
        return sent
