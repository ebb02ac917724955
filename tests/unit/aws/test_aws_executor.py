"""Each action is one API call with exactly these members, over the wire; deleting what is gone is a success."""

from typing import Any

import pytest

from sagemaker_operator.aws.errors import AWSError, Kind
from sagemaker_operator.aws.executor import execute
from sagemaker_operator.plan.actions import (
    AWSAction,
    ChangeTags,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    UpdateEndpoint,
    UpdateWeights,
)

TAGS = {"sagemaker-operator.io/name": "fraud", "team": "risk"}
TAG_LIST = [{"Key": "sagemaker-operator.io/name", "Value": "fraud"}, {"Key": "team", "Value": "risk"}]
ARN = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/ml-fraud"
MODEL = {
    "ModelName": "m",
    "PrimaryContainer": {"Image": "r/churn:1", "ModelDataUrl": "s3://m/1.tar.gz", "Environment": {"A": "1"}},
    "ExecutionRoleArn": "arn:aws:iam::111122223333:role/serving",
}
VARIANT = {"VariantName": "main", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
CONFIG = {"EndpointConfigName": "c", "ProductionVariants": [{**VARIANT, "InitialVariantWeight": 1.0}]}

CALLS: list[tuple[AWSAction, list[tuple[str, dict[str, Any]]]]] = [
    (CreateModel("m", MODEL, TAGS), [("CreateModel", {**MODEL, "Tags": TAG_LIST})]),
    (CreateEndpointConfig("c", CONFIG, TAGS), [("CreateEndpointConfig", {**CONFIG, "Tags": TAG_LIST})]),
    (
        CreateEndpoint("ml-fraud", "c", TAGS),
        [("CreateEndpoint", {"EndpointName": "ml-fraud", "EndpointConfigName": "c", "Tags": TAG_LIST})],
    ),
    (
        UpdateEndpoint("ml-fraud", "c"),
        [
            (
                "UpdateEndpoint",
                {"EndpointName": "ml-fraud", "EndpointConfigName": "c"},
            )
        ],
    ),
    (
        UpdateWeights("ml-fraud", {"a": 90, "b": 10}, {"b": 3, "c": 2}),
        [
            (
                "UpdateEndpointWeightsAndCapacities",
                {
                    "EndpointName": "ml-fraud",
                    "DesiredWeightsAndCapacities": [
                        {"VariantName": "a", "DesiredWeight": 90.0},
                        {"VariantName": "b", "DesiredWeight": 10.0, "DesiredInstanceCount": 3},
                        {"VariantName": "c", "DesiredInstanceCount": 2},
                    ],
                },
            )
        ],
    ),
    (
        ChangeTags(ARN, TAGS, ("old", "older")),
        [
            ("AddTags", {"ResourceArn": ARN, "Tags": TAG_LIST}),
            ("DeleteTags", {"ResourceArn": ARN, "TagKeys": ["old", "older"]}),
        ],
    ),
    (ChangeTags(ARN, TAGS), [("AddTags", {"ResourceArn": ARN, "Tags": TAG_LIST})]),
    (ChangeTags(ARN, {}, ("old",)), [("DeleteTags", {"ResourceArn": ARN, "TagKeys": ["old"]})]),
    (DeleteEndpoint("ml-fraud"), [("DeleteEndpoint", {"EndpointName": "ml-fraud"})]),
    (DeleteEndpointConfig("c"), [("DeleteEndpointConfig", {"EndpointConfigName": "c"})]),
    (DeleteModel("m"), [("DeleteModel", {"ModelName": "m"})]),
]
NAMES = [type(action).__name__ for action, _ in CALLS]
ABSENT = (400, "ValidationException", 'Could not find endpoint "arn:aws:sagemaker:eu-west-1:1:endpoint/ml-fraud".')


@pytest.mark.parametrize(("action", "calls"), CALLS, ids=NAMES)
def test_an_action_is_these_calls(aws: Any, client: Any, action: AWSAction, calls: list[Any]) -> None:
    aws.replies += [{"EndpointArn": ARN, "ModelArn": ARN, "EndpointConfigArn": ARN}]
    execute(client, action)
    assert aws.asked == calls


@pytest.mark.parametrize(
    "action", [a for a, _ in CALLS if "Delete" in type(a).__name__], ids=lambda a: type(a).__name__
)
def test_deleting_what_is_not_there_is_a_success(aws: Any, client: Any, action: AWSAction) -> None:
    aws.replies.append(ABSENT)
    execute(client, action)
    assert len(aws.asked) == 1


@pytest.mark.parametrize(
    "action", [a for a, _ in CALLS if "Delete" in type(a).__name__], ids=lambda a: type(a).__name__
)
def test_a_deletion_that_is_refused_is_told(aws: Any, client: Any, action: AWSAction) -> None:
    aws.replies.append((400, "AccessDeniedException", "not authorized to perform: sagemaker:DeleteEndpoint"))
    with pytest.raises(AWSError) as raised:
        execute(client, action)
    assert raised.value.kind is Kind.DENIED


@pytest.mark.parametrize(
    "action", [a for a, _ in CALLS if "Delete" not in type(a).__name__], ids=lambda a: type(a).__name__
)
def test_an_endpoint_that_is_gone_fails_every_other_action(aws: Any, client: Any, action: AWSAction) -> None:
    aws.replies.append(ABSENT)
    with pytest.raises(AWSError) as raised:
        execute(client, action)
    assert raised.value.kind is Kind.ABSENT


def test_creating_what_is_there_is_told_so_that_somebody_looks_whose_it_is(aws: Any, client: Any) -> None:
    aws.replies.append((400, "ValidationException", 'Cannot create already existing model "arn:m".'))
    with pytest.raises(AWSError) as raised:
        execute(client, CreateModel("m", MODEL, TAGS))
    assert raised.value.kind is Kind.EXISTS


def test_no_tags_are_taken_away_when_the_new_ones_were_refused(aws: Any, client: Any) -> None:
    aws.replies.append((400, "ThrottlingException", "Rate exceeded"))
    with pytest.raises(AWSError):
        execute(client, ChangeTags(ARN, TAGS, ("old",)))
    assert [operation for operation, _ in aws.asked] == ["AddTags"]
