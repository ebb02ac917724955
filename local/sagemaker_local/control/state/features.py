"""What an endpoint configuration asks for beside its variants: data capture, asynchronous inference."""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker_local.control.wire.decoding import Document


@dataclass(frozen=True, slots=True)
class CaptureOption:
    """API shape CaptureOption: Input, Output or InputAndOutput."""

    capture_mode: str


@dataclass(frozen=True, slots=True)
class CaptureContentTypeHeader:
    """API shape CaptureContentTypeHeader: what is captured as text; everything else is captured as base64."""

    csv_content_types: tuple[str, ...] = ()
    json_content_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataCapture:
    """API shape DataCaptureConfig; enabled unless it says otherwise (API reference)."""

    initial_sampling_percentage: int
    destination_s3_uri: str
    capture_options: tuple[CaptureOption, ...]
    enable_capture: bool = True
    kms_key_id: str | None = None
    capture_content_type_header: CaptureContentTypeHeader = CaptureContentTypeHeader()

    @property
    def modes(self) -> frozenset[str]:
        """Of Input and Output those that are captured."""
        found = {each.capture_mode for each in self.capture_options}
        return frozenset({"Input", "Output"} if "InputAndOutput" in found else found)

    @property
    def summary(self) -> Document:
        """API shape DataCaptureConfigSummary."""
        return {
            "EnableCapture": self.enable_capture,
            "CaptureStatus": "Started" if self.enable_capture else "Stopped",
            "CurrentSamplingPercentage": self.initial_sampling_percentage,
            "DestinationS3Uri": self.destination_s3_uri,
            "KmsKeyId": self.kms_key_id or "",
        }


@dataclass(frozen=True, slots=True)
class AsyncNotificationConfig:
    """API shape AsyncInferenceNotificationConfig: SNS topics."""

    success_topic: str | None = None
    error_topic: str | None = None
    include_inference_response_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AsyncOutputConfig:
    """API shape AsyncInferenceOutputConfig."""

    s3_output_path: str | None = None
    s3_failure_path: str | None = None
    notification_config: AsyncNotificationConfig | None = None


@dataclass(frozen=True, slots=True)
class AsyncClientConfig:
    """API shape AsyncInferenceClientConfig."""

    max_concurrent_invocations_per_instance: int | None = None


@dataclass(frozen=True, slots=True)
class AsyncInference:
    """API shape AsyncInferenceConfig."""

    output_config: AsyncOutputConfig
    client_config: AsyncClientConfig = AsyncClientConfig()


@dataclass(frozen=True, slots=True)
class Features:
    """None is: not asked for."""

    data_capture: DataCapture | None = None
    asynchronous: AsyncInference | None = None
    asynchronous_document: Document | None = None


NO_FEATURES = Features()
