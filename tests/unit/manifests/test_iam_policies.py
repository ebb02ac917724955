"""The IAM policies: well-formed, real actions, minimal, and never wider than our own tags."""

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from sagemaker_operator.api.identity import CLUSTER_TAG

IAM = Path(__file__).parents[3] / "manifests/iam"


def policy(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((IAM / f"{name}.json").read_text(encoding="utf-8"))
    return content


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def actions(document: dict[str, Any]) -> set[str]:
    return {action for statement in document["Statement"] for action in listed(statement["Action"])}


OPERATOR = policy("operator-policy")
KINDS = ("Model", "EndpointConfig", "Endpoint")


def test_the_operator_may_do_exactly_this() -> None:
    assert actions(OPERATOR) == {
        *(f"sagemaker:{verb}{kind}" for verb in ("Create", "Delete") for kind in KINDS),
        "sagemaker:DescribeEndpoint",
        *(f"sagemaker:List{kind}s" for kind in KINDS),
        "sagemaker:UpdateEndpoint",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
        "sagemaker:AddTags",
        "sagemaker:DeleteTags",
        "sagemaker:ListTags",
        "iam:PassRole",
        "sts:GetCallerIdentity",
        "logs:DescribeLogStreams",
        "logs:GetLogEvents",
    }


@pytest.mark.parametrize("service", ["sagemaker", "sts", "logs"])
def test_its_actions_are_operations_of_the_service(service: str) -> None:
    operations = set(botocore.session.get_session().get_service_model(service).operation_names)
    named = {a.removeprefix(f"{service}:") for a in actions(OPERATOR) if a.startswith(f"{service}:")}
    assert named
    assert named <= operations


def test_every_change_is_tied_to_our_tags() -> None:
    reads = ("Describe", "List", "Get")
    for statement in OPERATOR["Statement"]:
        changes = [a for a in listed(statement["Action"]) if not a.split(":")[1].startswith(reads)]
        if not changes:
            continue
        condition = statement["Condition"]
        assert condition in (
            {"Null": {f"aws:RequestTag/{CLUSTER_TAG}": "false"}},
            {"Null": {f"aws:ResourceTag/{CLUSTER_TAG}": "false"}},
            {"StringEquals": {"sagemaker:TaggingAction": [f"Create{kind}" for kind in KINDS]}},
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ), statement["Sid"]


def test_only_what_knows_no_resource_is_allowed_on_all() -> None:
    everywhere = {a for s in OPERATOR["Statement"] if "*" in listed(s["Resource"]) for a in listed(s["Action"])}
    assert everywhere == {f"sagemaker:List{kind}s" for kind in KINDS} | {"sts:GetCallerIdentity"}


@pytest.mark.parametrize("name", ["operator-policy", "execution-role-policy", "execution-role-trust-policy"])
def test_a_policy_is_well_formed(name: str) -> None:
    document = policy(name)
    statements = document["Statement"]
    assert document["Version"] == "2012-10-17"
    assert len({s["Sid"] for s in statements}) == len(statements)
    assert all(s["Sid"].isalnum() and s["Effect"] == "Allow" for s in statements)
    assert not any("*" in action for action in actions(document))
    assert len(json.dumps(document, separators=(",", ":"))) < 6144, "the limit of a managed policy"


def test_the_execution_role_serves_and_nothing_else() -> None:
    assert actions(policy("execution-role-policy")) == {
        "s3:GetObject",
        "s3:ListBucket",
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "logs:DescribeLogStreams",
        "cloudwatch:PutMetricData",
    }
    [trust] = policy("execution-role-trust-policy")["Statement"]
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Action"] == "sts:AssumeRole"
