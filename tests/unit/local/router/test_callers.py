"""Account and region of a signed request."""

from __future__ import annotations

import time

import pytest

from sagemaker_local.router.callers import AccessKey, Caller, caller_of, credential_of, presigned_credential_of

SCOPE = b"20261124/ap-northeast-2/sagemaker/aws4_request"


@pytest.mark.parametrize(
    ("key", "account"),
    [(b"111122223333", "111122223333"), (b"AKIAIOSFODNN7EXAMPLE", "123456789012"), (b"ASIASTS", "444455556666")],
)
def test_the_account_comes_from_the_access_key(key: bytes, account: str) -> None:
    header = b"AWS4-HMAC-SHA256 Credential=" + key + b"/" + SCOPE + b", SignedHeaders=host, Signature=0"
    credential = credential_of(header)
    assert credential is not None
    assert caller_of(credential, {"ASIASTS": AccessKey("444455556666")}) == Caller(account, "ap-northeast-2")


@pytest.mark.parametrize(
    ("expires", "expired"), [(None, False), (0.0, True), (time.time() - 1, True), (time.time() + 3600, False)]
)
def test_a_key_that_was_given_out_has_an_end(expires: float | None, expired: bool) -> None:
    caller = caller_of(b"ASIASTS/" + SCOPE, {"ASIASTS": AccessKey("444455556666", expires)})
    assert caller is not None
    assert (caller.account, caller.expired) == ("444455556666", expired)


@pytest.mark.parametrize("credential", [b"", b"AKIA", b"a/b/c/d/e", b"a/20261124//sagemaker/aws4_request"])
def test_what_is_no_credential_has_no_caller(credential: bytes) -> None:
    assert caller_of(credential, {}) is None


def test_a_header_without_credential_has_none() -> None:
    assert credential_of(b"Bearer token") is None


def test_a_presigned_url_carries_it_in_the_query() -> None:
    target = b"/endpoints/a/invocations?X-Amz-Credential=111122223333%2F" + SCOPE.replace(b"/", b"%2F")
    assert presigned_credential_of(target) == b"111122223333/" + SCOPE
    assert presigned_credential_of(b"/endpoints/a/invocations") is None
