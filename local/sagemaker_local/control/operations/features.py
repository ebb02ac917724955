"""What an endpoint configuration may ask for beside its variants, and with what it does not go together."""

from __future__ import annotations

from sagemaker_local.control.state.features import AsyncInference, DataCapture, Features
from sagemaker_local.control.switches import Switches
from sagemaker_local.control.wire.decoding import Document, decode
from sagemaker_local.control.wire.errors import invalid, not_served


def features_of(data_capture: Document | None, asynchronous: Document | None) -> Features:
    """Of CreateEndpointConfig. Raises ApiError for what does not go together."""
    if asynchronous is not None:
        if "S3OutputPath" not in asynchronous["OutputConfig"]:
            raise invalid("AsyncInferenceConfig.OutputConfig needs S3OutputPath, the folder for results.")
        if data_capture is not None:
            raise not_served("DataCaptureConfig together with AsyncInferenceConfig")
    return Features(
        decode(DataCapture, data_capture) if data_capture else None,
        decode(AsyncInference, asynchronous) if asynchronous else None,
        asynchronous,
    )


def refuse_change_of_kind(earlier: Features, wanted: Features, endpoint_arn: str, switches: Switches) -> None:
    """Of UpdateEndpoint. Raises ApiError."""
    if switches.real_time_to_asynchronous_refused and bool(earlier.asynchronous) != bool(wanted.asynchronous):
        if earlier.asynchronous:
            raise invalid(
                f"The AsyncInferenceConfig parameter cannot be removed from this endpoint {endpoint_arn}; create "
                "another endpoint for real-time inference."
            )
        raise invalid(
            f'Cannot update endpoint "{endpoint_arn}" from real-time to asynchronous inference; create another '
            "endpoint."
        )


def described(features: Features) -> Document:
    """Members of DescribeEndpoint."""
    return {
        "DataCaptureConfig": features.data_capture.summary if features.data_capture else None,
        "AsyncInferenceConfig": features.asynchronous_document,
    }
