"""Data capture in the router: which calls are sampled, and what is told of them to the process that writes to S3."""

from __future__ import annotations

import base64
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagemaker_local.router.board import EndpointTarget, VariantTarget
from sagemaker_local.router.custom_headers import CUSTOM_ATTRIBUTES, INFERENCE_ID, value_of
from sagemaker_local.router.pool import Header
from sagemaker_local.router.routes import CaptureRoute
from sagemaker_local.router.watching import Outcome, Watcher

CAPTURED = "captured"
"""The event that a captured call is told as."""

Emit = Callable[[Mapping[str, Any]], None]


def sampled(capture: CaptureRoute | None, point: float) -> bool:
    """Whether a call is captured; ``point`` is drawn evenly from 0 (included) to 1 (excluded)."""
    return capture is not None and point * 100 < capture.percentage


def watcher(
    emit: Emit, endpoint: EndpointTarget, variant: VariantTarget, headers: Sequence[Header], body: bytes
) -> Watcher | None:
    """What captures this call if it is sampled and answered well, None if it is not sampled."""
    capture = variant.route.capture
    if capture is None or not sampled(capture, random.random()):  # noqa: S311 - sampling
        return None

    def captured(outcome: Outcome) -> None:
        if outcome.good:
            emit(event(endpoint, variant, capture, headers, body, outcome))

    return captured


def event(
    endpoint: EndpointTarget,
    variant: VariantTarget,
    capture: CaptureRoute,
    headers: Sequence[Header],
    body: bytes,
    outcome: Outcome,
) -> dict[str, Any]:
    """One call as a message to the parent; bodies are base64."""
    return {
        "event": CAPTURED,
        "account": endpoint.route.account,
        "region": endpoint.route.region,
        "endpoint": endpoint.route.name,
        "variant": variant.route.name,
        "time": time.time(),
        "eventId": str(uuid.uuid4()),
        "inferenceId": _text(value_of(headers, INFERENCE_ID)),
        "customAttributes": _text(value_of(headers, CUSTOM_ATTRIBUTES)),
        "input": _side(headers, body) if capture.inputs else None,
        "output": _side(outcome.headers, outcome.body) if capture.outputs else None,
    }


def _side(headers: Sequence[Header], body: bytes) -> list[str | None]:
    return [_text(value_of(headers, b"content-type")), base64.b64encode(body).decode()]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
