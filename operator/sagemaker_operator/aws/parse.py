"""Replies of SageMaker to the planner's dataclasses."""

from typing import Any

from sagemaker_operator.plan.observed import ObservedEndpoint, ObservedVariant


def endpoint_of(reply: dict[str, Any], tags: dict[str, str]) -> ObservedEndpoint:
    """Of a DescribeEndpoint reply; the tags come from ListTags."""
    return ObservedEndpoint(
        name=reply["EndpointName"],
        arn=reply["EndpointArn"],
        status=reply["EndpointStatus"],
        config_name=reply.get("EndpointConfigName", ""),  # absent while Deleting or after a failed creation
        creation_time=reply["CreationTime"],
        last_modified_time=reply["LastModifiedTime"],
        failure_reason=reply.get("FailureReason", ""),
        pending_config_name=reply.get("PendingDeploymentSummary", {}).get("EndpointConfigName"),
        variants=tuple(_variant(entry) for entry in reply.get("ProductionVariants", ())),
        tags=tags,
    )


def tags_of(entries: list[dict[str, str]]) -> dict[str, str]:
    """Of a ListTags reply."""
    return {entry["Key"]: entry["Value"] for entry in entries}


def _variant(entry: dict[str, Any]) -> ObservedVariant:
    images = entry.get("DeployedImages") or [{}]
    return ObservedVariant(
        name=entry["VariantName"],
        current_weight=entry.get("CurrentWeight"),
        desired_weight=entry.get("DesiredWeight"),
        current_count=entry.get("CurrentInstanceCount"),
        desired_count=entry.get("DesiredInstanceCount"),
        image=images[0].get("SpecifiedImage"),
        image_digest=images[0].get("ResolvedImage"),
    )
