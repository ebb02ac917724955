"""The bucket that results go to, as boto3 reaches it; its refusals in words, with what to do about them."""

import functools
from typing import Any

_CONNECT_SECONDS = 3
_KEYS = "Mend the credentials, or give the pod's service account a role"
_REACH = "Check that S3 is reached from here: region, AWS_ENDPOINT_URL_S3, proxy, and in a cluster the NetworkPolicy"
_REMEDIES = {
    "NoSuchBucket": "Make the bucket, or name another",
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "ExpiredToken": _KEYS,
    "InvalidToken": _KEYS,
}


def refusals() -> tuple[type[Exception], ...]:
    """What is raised for an object that could not be written; RuntimeError when renewed credentials are expired."""
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError, RuntimeError, OSError)


@functools.cache
def client(region: str, attempts: int, read_seconds: int) -> Any:
    """One for the whole run, which looks after its credentials: a fresh one each time would assume the role anew."""
    import boto3
    from botocore.config import Config

    settings = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    return boto3.Session(region_name=region).client("s3", config=settings)


def told(error: Exception) -> str:
    """The refusal itself, without a full stop."""
    return str(error).rstrip(".")


def remedy(error: Exception, bucket: str, prefix: str) -> str:
    """What to do about an object that could not be written below the prefix."""
    from botocore.exceptions import ClientError, NoCredentialsError

    if isinstance(error, NoCredentialsError | RuntimeError):
        return _KEYS
    if not isinstance(error, ClientError):
        return _REACH
    code = error.response.get("Error", {}).get("Code", "")
    if code in ("AccessDenied", "403"):
        return (
            f"Allow s3:PutObject on arn:aws:s3:::{bucket}/{prefix}* and, where the bucket has a KMS key of its own, "
            "kms:GenerateDataKey on that"
        )
    return _REMEDIES.get(code, "Mend it, or leave --results-s3 out")
