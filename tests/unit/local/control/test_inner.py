"""The way to the inner AWS: whose account, which operation, what outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from sagemaker_local.inner.child import accounts_by_key

SCOPE = "20260101/eu-west-1/s3/aws4_request"


def account_of(**environ: Any) -> str | None:
    seen: list[str | None] = []

    def application(given: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(given.get("HTTP_X_MOTO_ACCOUNT_ID"))
        return []

    accounts_by_key(application)(dict(environ), None)
    return seen[0]


@pytest.mark.parametrize(
    ("environ", "account"),
    [
        ({"HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=111122223333/{SCOPE}, Signature=0"}, "111122223333"),
        ({"HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=ASIAKEY/{SCOPE}, Signature=0"}, None),
        ({"HTTP_AUTHORIZATION": "Basic x"}, None),
        ({"QUERY_STRING": f"X-Amz-Credential=111122223333%2F{SCOPE.replace('/', '%2F')}"}, "111122223333"),
        ({"QUERY_STRING": "list-type=2"}, None),
        ({}, None),
    ],
)
def test_only_a_key_of_twelve_digits_names_its_account(environ: dict[str, str], account: str | None) -> None:
    assert account_of(**environ) == account
