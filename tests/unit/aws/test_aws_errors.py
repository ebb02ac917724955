"""What AWS's errors mean: every row of the table, what has no reply, and the words that people get."""

from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_operator.aws.errors import AWSError, Kind, classify, problem_of

ARN = "arn:aws:sagemaker:eu-west-1:111122223333"


def refused(code: str, message: str | None = "", status: int = 400) -> ClientError:
    reply: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(reply, "CreateEndpoint")


REFUSALS = [
    ("ValidationException", f'Could not find endpoint "{ARN}:endpoint/ml-fraud".', 400, Kind.ABSENT),
    ("ValidationException", f'Could not find endpoint configuration "{ARN}:endpoint-config/c".', 400, Kind.ABSENT),
    ("ValidationException", f'Could not find model "{ARN}:model/m".', 400, Kind.ABSENT),
    ("ResourceNotFound", "", 400, Kind.ABSENT),
    ("ResourceNotFoundException", "The specified log group does not exist.", 400, Kind.ABSENT),
    ("ValidationException", f'Cannot create already existing endpoint "{ARN}:endpoint/ml-fraud".', 400, Kind.EXISTS),
    ("ValidationException", f'Cannot update in-progress endpoint "{ARN}:endpoint/ml-fraud".', 400, Kind.BUSY),
    ("ResourceInUse", "", 400, Kind.BUSY),
    ("ConflictException", "", 409, Kind.BUSY),
    ("ValidationException", "Could not assume role arn:aws:iam::111122223333:role/new.", 400, Kind.PROPAGATING),
    ("ValidationException", "Could not access model data at s3://models/1.tar.gz.", 400, Kind.PROPAGATING),
    ("ValidationException", "1 validation error detected: Value 'x' at 'modelName' failed", 400, Kind.INVALID),
    ("ValidationException", "", 400, Kind.INVALID),
    ("ResourceLimitExceeded", "The account-level service limit 'ml.m5.large for endpoint usage' is 2", 400, Kind.QUOTA),
    ("ThrottlingException", "Rate exceeded", 400, Kind.THROTTLED),
    ("ThrottlingException", None, 400, Kind.THROTTLED),
    ("Throttling", "Rate exceeded", 400, Kind.THROTTLED),
    ("TooManyRequestsException", "", 429, Kind.THROTTLED),
    ("RequestLimitExceeded", "", 503, Kind.THROTTLED),
    ("AccessDeniedException", "User: x is not authorized to perform: sagemaker:CreateEndpoint", 400, Kind.DENIED),
    ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403, Kind.DENIED),
    ("UnauthorizedOperation", "", 403, Kind.DENIED),
    ("ExpiredToken", "", 403, Kind.CREDENTIALS),
    ("ExpiredTokenException", "The security token included in the request is expired", 400, Kind.CREDENTIALS),
    ("UnrecognizedClientException", "", 400, Kind.CREDENTIALS),
    ("InvalidClientTokenId", "", 403, Kind.CREDENTIALS),
    ("InvalidSignatureException", "", 400, Kind.CREDENTIALS),
    ("SignatureDoesNotMatch", "", 403, Kind.CREDENTIALS),
    ("MissingAuthenticationToken", "", 403, Kind.CREDENTIALS),
    ("InternalFailure", "", 500, Kind.INTERNAL),
    ("ServiceUnavailable", "", 503, Kind.INTERNAL),
    ("502", "Bad Gateway", 502, Kind.INTERNAL),
    ("SomethingNew", "of which we know nothing", 400, Kind.INVALID),
    ("", None, 500, Kind.INTERNAL),
]

NO_REPLY: list[tuple[BotoCoreError, Kind]] = [
    (exceptions.NoCredentialsError(), Kind.CREDENTIALS),
    (exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), Kind.CREDENTIALS),
    (exceptions.CredentialRetrievalError(provider="web-identity", error_msg="no file"), Kind.CREDENTIALS),
    (exceptions.UnauthorizedSSOTokenError(), Kind.CREDENTIALS),
    (exceptions.TokenRetrievalError(provider="sso", error_msg="expired"), Kind.CREDENTIALS),
    (exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), Kind.UNREACHABLE),
    (exceptions.ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"), Kind.UNREACHABLE),
    (exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), Kind.UNREACHABLE),
    (exceptions.ConnectionClosedError(endpoint_url="http://127.0.0.1:1"), Kind.UNREACHABLE),
    (exceptions.SSLError(endpoint_url="https://127.0.0.1:1", error="self-signed"), Kind.UNREACHABLE),
    (exceptions.ProxyConnectionError(proxy_url="http://127.0.0.1:1"), Kind.UNREACHABLE),
    (exceptions.HTTPClientError(error="broken"), Kind.UNREACHABLE),
    (exceptions.ParamValidationError(report="Missing required parameter: ModelName"), Kind.INVALID),
]


@pytest.mark.parametrize(("code", "message", "status", "kind"), REFUSALS)
def test_a_refusal_has_one_meaning(code: str, message: str | None, status: int, kind: Kind) -> None:
    error = classify(refused(code, message, status), "CreateEndpoint")
    assert error.kind is kind
    assert (error.operation, error.code, error.message) == ("CreateEndpoint", code, message or "")


@pytest.mark.parametrize(("raised", "kind"), NO_REPLY, ids=[type(raised).__name__ for raised, _ in NO_REPLY])
def test_what_boto3_raises_itself_has_one_meaning(raised: BotoCoreError, kind: Kind) -> None:
    error = classify(raised, "CreateEndpoint")
    assert error.kind is kind
    assert error.code == type(raised).__name__


def test_a_refusal_without_a_body_is_not_a_crash() -> None:
    empty: Any = {}
    assert classify(ClientError(empty, "CreateEndpoint"), "CreateEndpoint").kind is Kind.INVALID


def test_only_without_a_good_reply_may_a_request_have_been_carried_out() -> None:
    applied = {kind for kind in Kind if AWSError(kind, "CreateEndpoint", "", "").maybe_applied}
    assert applied == {Kind.UNREACHABLE, Kind.INTERNAL}


REASONS = {
    Kind.THROTTLED: ("Throttled", False, None),
    Kind.DENIED: ("AccessDenied", True, 300),
    Kind.QUOTA: ("QuotaExceeded", True, 600),
    Kind.CREDENTIALS: ("CredentialsMissing", False, None),
    Kind.UNREACHABLE: ("AWSUnreachable", False, None),
    Kind.INTERNAL: ("InternalFailure", False, None),
    Kind.INVALID: ("InvalidSpec", True, 600),
    Kind.BUSY: ("Progressing", False, None),
    Kind.ABSENT: ("Progressing", False, None),
    Kind.EXISTS: ("Progressing", False, None),
    Kind.PROPAGATING: ("Progressing", False, None),
}


@pytest.mark.parametrize("kind", list(Kind))
def test_a_problem_needs_a_person_or_passes(kind: Kind) -> None:
    problem = problem_of(AWSError(kind, "CreateEndpoint", "Code", "AWS's words"), 300)
    assert (problem.reason, problem.stalled, problem.retry_after) == REASONS[kind]
    assert problem.hint


@pytest.mark.parametrize(
    ("words", "reason", "remedy"),
    [
        ("Could not assume role arn:aws:iam::111122223333:role/serving.", "AccessDenied", "trusts sagemaker.amazon"),
        ("Could not access model data at s3://models/1.tar.gz.", "ModelDataError", "modelDataURL"),
    ],
)
def test_a_role_that_is_not_new_any_more_is_missing(words: str, reason: str, remedy: str) -> None:
    error = AWSError(Kind.PROPAGATING, "CreateModel", "ValidationException", words)
    assert not problem_of(error, 300).stalled
    problem = problem_of(error, 300, waited=True)
    assert (problem.reason, problem.stalled, problem.retry_after) == (reason, True, 300)
    assert remedy in problem.hint


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("User: u is not authorized to perform: iam:PassRole on resource: r because no policy allows", "iam:PassRole"),
        ("User: u is not authorized to perform: sagemaker:CreateModel on resource: r", "sagemaker:CreateModel"),
        ("Not authorized to perform sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithWebIdentity"),
        ("no word of any action", "sagemaker:CreateModel"),
        ("", "sagemaker:CreateModel"),
    ],
)
def test_a_denial_names_the_right_that_is_missing(words: str, right: str) -> None:
    problem = problem_of(AWSError(Kind.DENIED, "CreateModel", "AccessDeniedException", words), 300)
    assert problem.message.startswith(f"CreateModel is denied: the operator has no right to {right}.")
    assert problem.hint.startswith(f"Allow {right} in the operator's policy")


@given(
    st.sampled_from(Kind), st.text(max_size=60), st.sampled_from(["CreateModel", "UpdateEndpointWeightsAndCapacities"])
)
def test_a_problem_is_one_line_that_ends_with_a_full_stop(kind: Kind, words: str, operation: str) -> None:
    for waited in (False, True):
        problem = problem_of(AWSError(kind, operation, "Code", words), 300, waited=waited)
        for text in (problem.message, problem.hint):
            assert len(text.splitlines()) == 1
            assert text.endswith(".")
            assert text == text.strip()
        assert len(problem.message) <= 160 or len(words) > 20, "our own words leave room for AWS's"
