"""Requests of the three operations are botocore's: path, headers, signature. So are those for results in S3."""

import dataclasses
import datetime as dt
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.client import BaseClient
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_loadtest.api.spec import AsyncResults, Endpoint, Invocation, Operation, TargetModels
from sagemaker_loadtest.exchange.requests import Requests, headers_of, object_request
from sagemaker_loadtest.exchange.results import object_address
from sagemaker_loadtest.exchange.sigv4 import Credentials, Signer, make_request
from sagemaker_loadtest.exchange.target import runtime_url
from sagemaker_loadtest.workload.payloads import Payload
from sagemaker_loadtest.workload.selection import weighted, zipf
from sagemaker_loadtest.workload.template import template_of

KEYS = Credentials("AKIDEXAMPLE", "secret/of+the/test", "session=token//")
NAMES = st.from_regex(r"\A[A-Za-z0-9](-*[A-Za-z0-9]){0,20}\Z")
TEXTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30)
MEMBERS: dict[str, Any] = {
    "TargetVariant": NAMES,
    "TargetModel": TEXTS,
    "TargetContainerHostname": NAMES,
    "InferenceComponentName": NAMES,
    "SessionId": NAMES,
    "InferenceId": TEXTS,
    "CustomAttributes": TEXTS,
    "Accept": TEXTS,
}
LACKING: dict[Operation, set[str]] = {
    "InvokeEndpoint": set(),
    "InvokeEndpointWithResponseStream": {"TargetModel"},
    "InvokeEndpointAsync": set(MEMBERS) - {"InferenceId", "CustomAttributes", "Accept"},
}
METHODS = {
    "InvokeEndpoint": "invoke_endpoint",
    "InvokeEndpointWithResponseStream": "invoke_endpoint_with_response_stream",
    "InvokeEndpointAsync": "invoke_endpoint_async",
}


class SeenError(Exception):
    """Ends a call of botocore's just before it is sent."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        self.request = request


def seen(request: AWSPreparedRequest, **_: Any) -> None:
    raise SeenError(request)


def client(service: str) -> BaseClient:
    session = boto3.Session(KEYS.access_key, KEYS.secret_key, KEYS.token, "eu-west-1")
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    made: BaseClient = session.client(service, endpoint_url="http://127.0.0.1:4570", config=config)
    made.meta.events.register("before-send", seen)
    return made


RUNTIME, S3 = client("sagemaker-runtime"), client("s3")


def of_botocore(client: BaseClient, method: str, **arguments: Any) -> AWSPreparedRequest:
    with pytest.raises(SeenError) as caught:
        getattr(client, method)(**arguments)
    return caught.value.request


def text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def epoch(stamp: str) -> float:
    return dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()


@settings(deadline=None)
@given(
    st.sampled_from(list(METHODS)),
    NAMES,
    st.fixed_dictionaries({}, optional=MEMBERS),
    st.binary(min_size=1, max_size=200),
    TEXTS,
)
def test_invocations_are_botocores(
    operation: Operation, endpoint: str, members: dict[str, str], body: bytes, content_type: str
) -> None:
    members = {name: value for name, value in members.items() if name not in LACKING[operation]}
    theirs = of_botocore(
        RUNTIME, METHODS[operation], EndpointName=endpoint, Body=body, ContentType=content_type, **members
    )
    invocation = Invocation(
        operation,
        members.get("TargetVariant"),
        None,
        members.get("TargetContainerHostname"),
        members.get("InferenceComponentName"),
        custom_attributes=members.get("CustomAttributes"),
    )
    headers = headers_of(
        invocation,
        content_type,
        members.get("Accept"),
        model=members.get("TargetModel"),
        session=members.get("SessionId"),
        inference_id=members.get("InferenceId"),
    )
    requests = Requests([Payload(body, content_type, None, "")], invocation, "127.0.0.1:4570", endpoint)
    path = requests.get(0, 0, count(), None).path
    assert theirs.url == f"http://127.0.0.1:4570{path}"
    given = {name.lower(): text(value) for name, value in theirs.headers.items()}
    for name, value in headers.items():
        assert given[name.lower()] == value
    unknown = {n for n in given if n.startswith("x-amzn-sagemaker")} - {n.lower() for n in headers}
    assert not unknown
    # signed with the headers that botocore chose to send, the signatures are equal
    signed = given["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    again = {n: given[n] for n in signed if n not in ("host", "x-amz-date", "x-amz-security-token")}
    ours = make_request("127.0.0.1:4570", path, again, body)
    sent = Signer(KEYS, "eu-west-1").headers(ours, epoch(given["x-amz-date"]))
    assert sent["Authorization"] == given["authorization"]


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda key: not key.startswith("/") and ".." not in key.split("/")))
def test_looks_for_results_are_botocores(key: str) -> None:
    if any(ord(c) < 32 for c in key) or "." in key.split("/"):
        return
    theirs = of_botocore(S3, "get_object", Bucket="my-bucket", Key=key, Range="bytes=0-0")
    environment = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4570"}
    url, path = object_address(f"s3://my-bucket/{key}", "eu-west-1", environment)
    assert theirs.url == url + path
    given = {name.lower(): text(value) for name, value in theirs.headers.items()}
    signed = given["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    ours = object_request("127.0.0.1:4570", path)
    also = tuple((n, given[n]) for n in signed if n not in ("host", "x-amz-date", "x-amz-security-token"))
    assert {n.lower() for n, _ in ours.headers} <= set(signed)
    request = make_request(ours.host, path, dict(also), b"")
    signer = Signer(KEYS, "eu-west-1", "s3")
    sent = signer.headers(dataclasses.replace(request, method="GET"), epoch(given["x-amz-date"]))
    assert sent["Authorization"] == given["authorization"]


@pytest.mark.parametrize(
    ("location", "region", "address"),
    [
        ("s3://b/a b.out", "eu-west-1", ("https://b.s3.eu-west-1.amazonaws.com", "/a%20b.out")),
        ("s3://b.c/x", "eu-west-1", ("https://s3.eu-west-1.amazonaws.com", "/b.c/x")),
        ("s3://b/x", "cn-north-1", ("https://b.s3.cn-north-1.amazonaws.com.cn", "/x")),
    ],
)
def test_where_objects_are(location: str, region: str, address: tuple[str, str]) -> None:
    assert object_address(location, region, {}) == address


@pytest.mark.parametrize(
    "location", ["s3://evil#/x", "s3://a@evil/x", "s3://evil?/x", "s3://evil:443/x", "s3://ab\r/x"]
)
def test_no_signed_look_goes_to_another_host(location: str) -> None:
    with pytest.raises(ValueError, match=r"evil|ab"):
        object_address(location, "eu-west-1", {})


def test_user_and_password_of_an_address_stay_out_of_it() -> None:
    """The address stands in results and reports."""
    environment = {"AWS_ENDPOINT_URL": "http://ann:secret@127.0.0.1:4570/"}
    assert runtime_url(Endpoint("e", "eu-west-1"), environment) == "http://127.0.0.1:4570"
    assert object_address("s3://bucket/x", "eu-west-1", environment) == ("http://127.0.0.1:4570", "/bucket/x")


def test_what_repeats_is_made_once_and_what_is_unique_is_not() -> None:
    plain = Payload(b"1,2", "text/csv", "text/csv", "a")
    unique = Payload(b"${number}", "text/csv", None, "b", template=template_of(b"${number}", "b"))
    models = TargetModels(("a", "b"), (1.0, 1.0))
    requests = Requests([plain, unique], Invocation(target_models=models), "h", "e")
    numbers = count(7)
    first, again, other = (requests.get(0, model, numbers, None) for model in (0, 0, 1))
    assert first is again
    assert not first.once
    assert ("X-Amzn-SageMaker-Target-Model", "b") in other.headers
    assert [requests.get(1, 0, numbers, None).body for _ in range(2)] == [b"7", b"8"]
    assert requests.get(1, 0, numbers, None).once
    assert ("X-Amzn-SageMaker-Session-Id", "s") in requests.get(0, 0, numbers, "s").headers
    ids = Requests([plain], Invocation(unique_inference_ids=True), "h", "e")
    assert len({ids.get(0, 0, numbers, None).headers for _ in range(5)}) == 5


def test_stored_inputs_are_named_by_their_content() -> None:
    invocation = Invocation("InvokeEndpointAsync", results=AsyncResults("s3://b/in/"))
    request = Requests([Payload(b"1,2", "text/csv", "text/csv", "a")], invocation, "h", "e").get(0, 0, count(), None)
    sent = dict(request.headers)
    assert request.body == b""
    assert sent["X-Amzn-SageMaker-InputLocation"].startswith("s3://b/in/")
    assert (sent["X-Amzn-SageMaker-Content-Type"], sent["X-Amzn-SageMaker-Accept"]) == ("text/csv", "text/csv")


def test_weights_are_kept() -> None:
    chosen = weighted((3.0, 0.0, 1.0), "seed")
    drawn = [next(chosen) for _ in range(4000)]
    assert drawn.count(1) == 0
    assert 2800 < drawn.count(0) < 3200
    assert zipf(4, 1.0) == (1.0, 1 / 2, 1 / 3, 1 / 4)
    assert zipf(3, 0.0) == (1.0, 1.0, 1.0)
