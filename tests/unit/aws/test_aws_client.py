"""Calls over the wire: one request each, never repeated by botocore, every failure an AWSError, every call told."""

from typing import Any

import pytest

from sagemaker_operator.aws.budget import TokenBucket
from sagemaker_operator.aws.errors import AWSError, Kind, NotLeadingError

IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::111122223333:user/u</Arn><UserId>U</UserId><Account>111122223333</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ((500, "InternalFailure", "try again"), Kind.INTERNAL),
        ((503, "ServiceUnavailable", "busy"), Kind.INTERNAL),
        ((400, "ThrottlingException", "Rate exceeded"), Kind.THROTTLED),
        ("drop the connection without a reply", Kind.UNREACHABLE),
    ],
)
def test_a_failed_call_is_not_repeated_behind_the_budgets_back(
    aws: Any, client: Any, monkeypatch: pytest.MonkeyPatch, reply: Any, kind: Kind
) -> None:
    monkeypatch.setattr(TokenBucket, "pause", lambda *_: None)
    aws.replies.append(reply)
    with pytest.raises(AWSError) as raised:
        client.call("describe_endpoint", EndpointName="ml-fraud")
    assert raised.value.kind is kind
    assert raised.value.operation == "DescribeEndpoint"
    assert len(aws.asked) == 1


def test_when_aws_throttles_an_operation_nobody_calls_it_for_a_second(
    aws: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(TokenBucket, "pause", lambda _, seconds: pauses.append(seconds))
    aws.replies += [(400, "ThrottlingException", "Rate exceeded"), (400, "ValidationException", "no")]
    for _ in range(2):
        with pytest.raises(AWSError):
            client.call("describe_endpoint", EndpointName="ml-fraud")
    assert pauses == [1.0]


def test_no_request_leaves_without_the_budgets_leave(aws: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_turn(_: TokenBucket) -> None:
        assert not aws.asked
        raise InterruptedError

    monkeypatch.setattr(TokenBucket, "take", no_turn)
    with pytest.raises(InterruptedError):
        client.call("list_models")
    assert not aws.asked


def test_a_change_whose_turn_comes_after_the_lease_is_lost_is_not_asked_for(
    aws: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = True

    def outlasts_the_lease(_: TokenBucket) -> None:
        nonlocal leads
        leads = False

    monkeypatch.setattr(TokenBucket, "take", outlasts_the_lease)
    monkeypatch.setattr(client, "_may_change", lambda: leads)
    aws.replies.append({"Models": []})
    with pytest.raises(NotLeadingError, match="DeleteModel in eu-west-1 was not called: the Lease is not held"):
        client.call("delete_model", ModelName="m")
    client.call("list_models")
    assert [call.operation for call in aws.calls] == ["ListModels"]


def test_every_call_is_told_with_its_target_outcome_and_request_id(aws: Any, client: Any) -> None:
    aws.replies += [{"EndpointArn": "arn:e"}, (400, "ValidationException", "Could not find model"), {"Models": []}]
    client.call("update_endpoint", EndpointName="ml-fraud", EndpointConfigName="c")
    with pytest.raises(AWSError):
        client.call("delete_model", ModelName="m")
    client.call("list_models")
    told = [(c.operation, c.target, c.outcome, c.request_id, c.changes) for c in aws.calls]
    assert told == [
        ("UpdateEndpoint", "ml-fraud", "ok", "r-1", True),
        ("DeleteModel", "m", "absent", "r-1", True),
        ("ListModels", "", "ok", "r-1", False),
    ]
    assert all(call.seconds >= 0 for call in aws.calls)


def test_a_listing_is_read_to_its_last_page(aws: Any, client: Any) -> None:
    def endpoint(name: str) -> dict[str, Any]:
        times = {"CreationTime": 1767225600, "LastModifiedTime": 1767225600}
        return {"EndpointName": name, "EndpointArn": "arn:e", "EndpointStatus": "InService", **times}

    aws.replies += [{"Endpoints": [endpoint("a")], "NextToken": "t1"}, {"Endpoints": [], "NextToken": "t2"},
                    {"Endpoints": [endpoint("b")]}]  # fmt: skip
    names = [e["EndpointName"] for e in client.pages("list_endpoints", "Endpoints", StatusEquals="InService")]
    assert names == ["a", "b"]
    asked = {"StatusEquals": "InService", "MaxResults": 100}
    assert aws.asked == [
        ("ListEndpoints", asked),
        ("ListEndpoints", {**asked, "NextToken": "t1"}),
        ("ListEndpoints", {**asked, "NextToken": "t2"}),
    ]


def test_a_page_that_fails_ends_the_listing(aws: Any, client: Any) -> None:
    aws.replies += [{"Models": [], "NextToken": "t1"}, (400, "AccessDeniedException", "no")]
    with pytest.raises(AWSError) as raised:
        list(client.pages("list_models", "Models"))
    assert raised.value.kind is Kind.DENIED


def test_the_account_is_asked_for_once_and_again_only_after_a_failure(aws: Any, client: Any) -> None:
    aws.replies += ["drop the connection without a reply", IDENTITY]
    with pytest.raises(AWSError):
        client.account()
    assert [client.account() for _ in range(3)] == ["111122223333"] * 3
    assert len(aws.asked) == 2
    assert "Action=GetCallerIdentity" in aws.asked[1][0]


def test_a_request_that_boto3_itself_refuses_is_invalid_and_never_sent(aws: Any, client: Any) -> None:
    with pytest.raises(AWSError) as raised:
        client.call("create_endpoint", EndpointName="ml-fraud")
    assert raised.value.kind is Kind.INVALID
    assert "EndpointConfigName" in raised.value.message
    assert not aws.asked
