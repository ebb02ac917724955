"""Why a fleet did not start, in SageMaker's own words (DescribeEndpoint's FailureReason, as seen in public reports)."""

from __future__ import annotations

from sagemaker_local.hosting.types import FailureClass, FleetFailure


def image_missing(variant: str, image: str) -> FleetFailure:
    """No entry of the image map serves the image."""
    return FleetFailure(
        FailureClass.IMAGE,
        f"Please make sure all images included in the model for the production variant {variant} exist, "
        f"and that the execution role used to create the model has permissions to access them. "
        f"(sagemaker-local: no entry of the image map matches {image}; add one that names the command to serve it.)",
    )


def download_failed(container: str, url: str, cause: str) -> FleetFailure:
    """The archive was not read."""
    return FleetFailure(
        FailureClass.MODEL_DATA_DOWNLOAD,
        f'Failed to download model data for container "{container}" from URL: "{url}". Please ensure that there is an '
        f"object located at the URL and that the role passed to CreateModel has permissions to access the object. "
        f"({cause})",
    )


def extract_failed(container: str, url: str, cause: str) -> FleetFailure:
    """The archive was read and refused."""
    return FleetFailure(
        FailureClass.MODEL_DATA_EXTRACT,
        f'Failed to extract model data archive for container "{container}" from URL "{url}". Please ensure that the '
        f"object located at the URL is a valid tar.gz archive. ({cause})",
    )


def ping_failed(variant: str, cause: str, container: str = "primary") -> FleetFailure:
    """No instance answered /ping in time; ``container`` names one of several."""
    return FleetFailure(
        FailureClass.PING_HEALTH_CHECK,
        f"The {container} container for production variant {variant} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. ({cause})",
    )


def echo_among_others(variant: str) -> FleetFailure:
    """No process is there that another container's reply could be sent to."""
    return FleetFailure(
        FailureClass.UNSUPPORTED,
        f"Production variant {variant} has local://echo beside other images; in local SageMaker that image is for "
        "models whose every container has it.",
    )


def no_multi_model(variant: str, cause: str) -> FleetFailure:
    """The container does not answer GET /models (AWS: Custom Containers Contract for Multi-Model Endpoints)."""
    return ping_failed(variant, f"It is in the mode MultiModel and so must answer GET /models with 200; {cause}")


def environment_not_made(image: str, cause: str) -> FleetFailure:
    """The Python environment that the image map names for an image."""
    return FleetFailure(
        FailureClass.IMAGE,
        f"Please make sure all images included in the model exist, and that the execution role used to create the "
        f"model has permissions to access them. (sagemaker-local: the Python environment of {image} was not made: "
        f"{cause})",
    )


def requirements_failed(variant: str, cause: str) -> FleetFailure:
    """``code/requirements.txt`` was not installed, so the container cannot start."""
    return FleetFailure(
        FailureClass.PING_HEALTH_CHECK,
        f"The primary container for production variant {variant} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. (code/requirements.txt was not installed: {cause})",
    )
