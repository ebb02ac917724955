"""Our signatures are botocore's, byte for byte, whatever is signed."""

import datetime as dt

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_loadtest.exchange.requests import invocation_path
from sagemaker_loadtest.exchange.sigv4 import Credentials, Request, Signer, make_request

NAMES = st.from_regex(r"\A[A-Za-z0-9](-*[A-Za-z0-9]){0,20}\Z")
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40).filter(
    lambda s: s.strip()
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Content-Type",
            "Accept",
            "X-Amzn-SageMaker-Target-Variant",
            "X-Amzn-SageMaker-Target-Model",
            "X-Amzn-SageMaker-Inference-Id",
        ]
    ),
    VALUES,
)
KEYS = st.from_regex(r"\A[A-Za-z0-9/+=]{1,40}\Z")
EPOCHS = st.integers(0, 4_000_000_000)


def of_botocore(request: Request, credentials: Credentials, region: str, epoch: int) -> str:
    url = f"https://{request.host}{request.path}"
    theirs = AWSRequest("POST", url, data=request.body, headers=dict(request.headers))
    theirs.headers["Host"] = request.host
    auth = SigV4Auth(
        BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.token), "sagemaker", region
    )
    stamp = dt.datetime.fromtimestamp(epoch, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    theirs.context["timestamp"] = stamp
    theirs.headers["X-Amz-Date"] = stamp
    if credentials.token:
        theirs.headers["X-Amz-Security-Token"] = credentials.token
    signature = auth.signature(auth.string_to_sign(theirs, auth.canonical_request(theirs)), theirs)
    auth._inject_signature_to_request(theirs, signature)
    return str(theirs.headers["Authorization"])


@given(
    NAMES,
    HEADERS,
    st.binary(max_size=300),
    KEYS,
    KEYS,
    st.none() | KEYS,
    st.sampled_from(["eu-west-1", "us-gov-east-1", "cn-north-1"]),
    st.lists(EPOCHS, min_size=1, max_size=3),
)
def test_equal_to_botocore(
    name: str,
    headers: dict[str, str],
    body: bytes,
    access: str,
    secret: str,
    token: str | None,
    region: str,
    epochs: list[int],
) -> None:
    credentials = Credentials(access, secret, token)
    signer = Signer(credentials, region)
    request = make_request("runtime.example:8443", invocation_path(name), headers, body)
    other = make_request("runtime.example:8443", invocation_path(name), headers, body + b"x")
    for epoch in epochs:  # one signer across seconds and days: its caches must not show
        for signed in (request, other, request):
            assert signer.headers(signed, epoch)["Authorization"] == of_botocore(signed, credentials, region, epoch)


def test_headers_are_reused_within_a_second_only() -> None:
    signer = Signer(Credentials("AK", "SK"), "eu-west-1")
    request = make_request("h", "/p", {}, b"")
    assert signer.headers(request, 100.1) is signer.headers(request, 100.9)
    assert signer.headers(request, 101.0) is not signer.headers(request, 100.9)


def test_secrets_are_not_printed() -> None:
    assert "SK" not in repr(Credentials("AK", "SK", "TOKEN"))


@pytest.mark.parametrize("token", [None, "T"])
def test_what_is_sent(token: str | None) -> None:
    sent = Signer(Credentials("AK", "SK", token), "eu-west-1").headers(
        make_request("h:1", "/p", {"Accept": "x"}, b""), 0
    )
    assert set(sent) == {"Host", "Accept", "X-Amz-Date", "Authorization"} | (
        {"X-Amz-Security-Token"} if token else set()
    )
