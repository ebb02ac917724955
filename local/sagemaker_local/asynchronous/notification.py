"""What SNS is told of a finished request (AWS: Check prediction results). Pure."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sagemaker_local.asynchronous.request import AsyncRequest
from sagemaker_local.control.state.features import AsyncInference

SUCCESS, ERROR = "SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"
MOST_RESPONSE_BYTES = 128 * 1024
"""A larger response is not put into the notification (API reference, AsyncInferenceNotificationConfig)."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a request ended. ``response`` is what the model answered, as far as it is small enough to be notified."""

    failure_reason: str | None = None
    content_type: str | None = None
    response: bytes | None = None


def topic_of(config: AsyncInference, result: Result) -> str | None:
    """Where to publish; None when nobody wants to know."""
    notify = config.output_config.notification_config
    if notify is None:
        return None
    return notify.success_topic if result.failure_reason is None else notify.error_topic


def notification(request: AsyncRequest, config: AsyncInference, result: Result, now: float) -> str:
    """The message; its times are UTC with milliseconds."""
    good = result.failure_reason is None
    document: dict[str, Any] = {
        "awsRegion": request.key[1],
        "eventTime": _time(now),
        "receivedTime": _time(request.received),
        "invocationStatus": "Completed" if good else "Failed",
    }
    if not good:
        document["failureReason"] = result.failure_reason
    document["requestParameters"] = _without_none(
        contentType=request.content_type,
        accept=request.accept,
        customAttributes=request.custom_attributes,
        endpointName=request.key[2],
        inputLocation=request.input_location,
    )
    if good:
        document["responseParameters"] = _without_none(
            contentType=result.content_type, outputLocation=request.output_location
        )
    elif request.failure_location is not None:
        document["responseParameters"] = {"outputLocation": request.failure_location}
    notify = config.output_config.notification_config
    included = notify is not None and (SUCCESS if good else ERROR) in notify.include_inference_response_in
    if included and result.response is not None and len(result.response) <= MOST_RESPONSE_BYTES:
        document["responseBody"] = {"content": base64.b64encode(result.response).decode(), "encoding": "BASE64"}
    return json.dumps(
        document
        | {"inferenceId": request.inference_id, "eventVersion": "1.0"}
        | {"eventSource": "aws:sagemaker", "eventName": "InferenceResult"}
    )


def _without_none(**members: str | None) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
