"""DescribeScalingActivities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sagemaker_local.control.operations.operation import Operation
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.scaling.records import Activity
from sagemaker_local.scaling.resource import DescribeInput, identified


def describe_activities(state: AccountState, request: DescribeInput, now: float) -> Document:
    """The newest first."""
    found = [each for each in reversed(state.scaling.activities) if request.resource_id in (None, each.resource_id)]
    return {
        "ScalingActivities": [
            {**identified(each.resource_id, each.dimension), **_activity_document(each)} for each in found
        ]
    }


def _activity_document(activity: Activity) -> Mapping[str, Any]:
    return {
        "ActivityId": activity.identifier,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.start_time,
        "EndTime": activity.end_time,
        "StatusCode": activity.status,
        "StatusMessage": activity.message,
    }


OPERATIONS = (Operation("DescribeScalingActivities", DescribeInput, describe_activities),)
