"""Who calls: account and region, read from an AWS Signature Version 4 header. The signature itself is not checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import time
from urllib.parse import parse_qs, urlsplit

DEFAULT_ACCOUNT = "123456789012"
_MARK = b"Credential="


@dataclass(frozen=True, slots=True)
class Caller:
    """The account that an access key acts in and the region that the request was signed for.

    ``expires`` is the key's.
    """

    account: str
    region: str
    expires: float | None = None

    @property
    def expired(self) -> bool:
        """Whether the key is no longer good: by real time, as clients renew theirs by it."""
        return self.expires is not None and self.expires <= time()


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What STS and IAM gave out: the account that it acts in, and its end in epoch seconds, None for one without."""

    account: str
    expires: float | None = None


def credential_of(authorization: bytes) -> bytes | None:
    """``<access key>/<date>/<region>/<service>/aws4_request`` of an Authorization header; None when there is none."""
    start = authorization.find(_MARK)
    if start < 0:
        return None
    start += len(_MARK)
    end = authorization.find(b",", start)
    return (authorization[start:] if end < 0 else authorization[start:end]).strip()


def presigned_credential_of(target: bytes) -> bytes | None:
    """The same, of a URL that was signed in its query string."""
    values = parse_qs(urlsplit(target.decode("latin-1")).query).get("X-Amz-Credential")
    return values[0].encode("latin-1") if values else None


def caller_of(credential: bytes, access_keys: Mapping[str, AccessKey]) -> Caller | None:
    """Read a credential; None when it is not one. ``access_keys`` are those that were given out."""
    parts = credential.decode("latin-1").split("/")
    if len(parts) < 5 or parts[-1] != "aws4_request" or not parts[-3]:
        return None
    key = "/".join(parts[:-4])
    known = access_keys.get(key)
    if known is not None:
        return Caller(known.account, parts[-3], known.expires)
    return Caller(key if len(key) == 12 and key.isdigit() else DEFAULT_ACCOUNT, parts[-3])
