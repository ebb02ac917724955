"""What a FailureReason of SageMaker means: one table, first match wins. Matched loosely, for AWS words them anew."""

import re
from dataclasses import dataclass

from sagemaker_operator.api.status import Failure
from sagemaker_operator.plan.wording import aws_says


@dataclass(frozen=True, slots=True)
class FailureClass:
    """One row: how the text is recognised, the condition's reason, words, way out, and whether trying again helps."""

    pattern: str
    name: str
    message: str
    hint: str
    transient: bool = False


# The health check stands first: its text names a variant, which may be called anything.
_TABLE = (
    FailureClass(
        r"ping health check",
        "HealthCheckFailed",
        "The container started, but never answered GET /ping on port 8080.",
        "Read the log lines below, fix the model or its handler, upload under a new key and apply.",
    ),
    FailureClass(
        r"InsufficientInstanceCapacity|insufficient capacity|(unable to provision|does not have enough).*capacity",
        "InsufficientCapacity",
        "AWS has no such instances free now; the account's quota is not the cause.",
        "Wait, or take another instance type or region.",
        transient=True,
    ),
    FailureClass(
        r"ResourceLimitExceeded|service limit|quota",
        "QuotaExceeded",
        "The account's quota for this instance type is used up; an update runs both fleets at once.",
        "Ask for more in Service Quotas, or free instances, then annotate the object to try again.",
    ),
    FailureClass(
        r"make sure all images|ECR image|image .* (does not exist|is invalid|not found)|CannotPull|pull the image",
        "ImageError",
        "The image does not exist or the execution role may not pull it.",
        "Check repository and tag, and that the execution role has ecr:BatchGetImage and ecr:GetDownloadUrlForLayer.",
    ),
    FailureClass(
        r"failed to extract model data|model data archive",
        "ModelDataError",
        "The model archive was read but cannot be unpacked.",
        "Pack it with: tar czf model.tar.gz -C model . Upload it under a new key and apply.",
    ),
    FailureClass(
        r"failed to download model data|could not access model data|no object .*located",
        "ModelDataError",
        "The model archive is not there, or the execution role may not read it.",
        "Check modelDataURL with: aws s3 ls. Allow the execution role s3:GetObject on it, then apply.",
    ),
    FailureClass(
        r"assume (the )?role|not authorized to perform|access denied",
        "AccessDenied",
        "The execution role is missing a right, or SageMaker may not take it on.",
        "Check the role's trust policy (sagemaker.amazonaws.com) and its policies: manifests/iam.",
    ),
    FailureClass(
        r"alarm",
        "AlarmTriggered",
        "An alarm went off during the change.",
        "Look at the alarm, then apply a new spec.",
    ),
    FailureClass(
        r"request to service failed|internal (service |server )?(error|failure)|please retry",
        "InternalFailure",
        "SageMaker failed for a cause of its own.",
        "Try again later; if it lasts, ask AWS.",
        transient=True,
    ),
)

_UNKNOWN = FailureClass("", "Failed", "", "Read the container's log, then apply a new spec.")


def classify(failure_reason: str) -> FailureClass:
    """The row of a FailureReason; an empty or unknown one is class Failed and is not tried again by itself."""
    return next((row for row in _TABLE if re.search(row.pattern, failure_reason, re.IGNORECASE)), _UNKNOWN)


def cause_of(failure_reason: str) -> str:
    """Why, in our words; in AWS's where we cannot explain it better."""
    words = classify(failure_reason).message or aws_says(failure_reason)
    return words or "SageMaker gave no reason."


def failure_of(failure_reason: str, log_excerpt: tuple[str, ...] = ()) -> Failure:
    """`status.failure` of a FailureReason: our words first, AWS's own behind them, the container's last lines."""
    row = classify(failure_reason)
    words = f"{row.message} {aws_says(failure_reason)}".strip() or cause_of(failure_reason)
    return Failure(row.name, words, row.hint, log_excerpt)
