"""Replies of SageMaker as the planner sees them: what is absent in a reply is absent, not an error."""

import datetime as dt

from sagemaker_operator.aws.parse import endpoint_of, tags_of
from sagemaker_operator.plan.observed import ObservedEndpoint, ObservedVariant

CREATED, MODIFIED = (dt.datetime(2026, 11, 12, hour, tzinfo=dt.UTC) for hour in (8, 9))
LEAST = {
    "EndpointName": "ml-fraud",
    "EndpointArn": "arn:e",
    "EndpointStatus": "Deleting",
    "CreationTime": CREATED,
    "LastModifiedTime": MODIFIED,
}


def test_the_least_that_sagemaker_says() -> None:
    assert endpoint_of(LEAST, {}) == ObservedEndpoint("ml-fraud", "arn:e", "Deleting", "", CREATED, MODIFIED)


def test_an_endpoint_that_is_being_updated() -> None:
    image = {"SpecifiedImage": "r/churn:1", "ResolvedImage": "r/churn@sha256:0f", "ResolutionTime": CREATED}
    variant = {
        "VariantName": "main",
        "DeployedImages": [image],
        "CurrentWeight": 0.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 0,
        "DesiredInstanceCount": 2,
        "VariantStatus": [{"Status": "Creating", "StartTime": CREATED}, {"Status": "ActivatingTraffic"}],
    }
    seen = endpoint_of(
        {
            **LEAST,
            "EndpointStatus": "Updating",
            "EndpointConfigName": "c1",
            "FailureReason": "before",
            "PendingDeploymentSummary": {"EndpointConfigName": "c2", "ProductionVariants": []},
            "ProductionVariants": [variant, {"VariantName": "other"}],
        },
        {"team": "risk"},
    )
    assert (seen.config_name, seen.pending_config_name, seen.failure_reason) == ("c1", "c2", "before")
    assert seen.tags == {"team": "risk"}
    assert seen.variants == (
        ObservedVariant("main", 0.0, 1.0, 0, 2, "r/churn:1", "r/churn@sha256:0f"),
        ObservedVariant("other"),
    )


def test_no_deployed_image_yet() -> None:
    reply = {**LEAST, "ProductionVariants": [{"VariantName": "main", "DeployedImages": []}]}
    assert endpoint_of(reply, {}).variants == (ObservedVariant("main"),)


def test_tags() -> None:
    assert tags_of([{"Key": "team", "Value": "risk"}, {"Key": "empty", "Value": ""}]) == {"team": "risk", "empty": ""}
    assert tags_of([]) == {}
