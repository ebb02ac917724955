"""FailureReasons as AWS words them, and what each means."""

import re

import pytest

from sagemaker_operator.plan import failures
from sagemaker_operator.plan.failures import FailureClass, cause_of, classify, failure_of

PRIMARY = "The primary container for production variant main"
URL = 'container from URL: "s3://models/churn/1.tar.gz"'

REASONS = [
    ("Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using "
     "a different ML instance type or after some time.", "InsufficientCapacity", True),
    ("Failed to launch instances: insufficient capacity in eu-west-1a", "InsufficientCapacity", True),
    ("SageMaker does not have enough ml.g5.2xlarge capacity now", "InsufficientCapacity", True),
    (f"{PRIMARY} did not pass the ping health check. Please check CloudWatch logs for this endpoint.",
     "HealthCheckFailed", False),
    ("The primary container for production variant quota did not pass the ping health check.",
     "HealthCheckFailed", False),
    ("The repository 'churn' does not allow access. Please make sure all images included in the model for the "
     "production variant main exist, and that the execution role used to create the model has permissions to access "
     "them.", "ImageError", False),
    ('The ECR image "111122223333.dkr.ecr.eu-west-1.amazonaws.com/churn:9" is invalid', "ImageError", False),
    ("CannotPullContainerError: manifest unknown", "ImageError", False),
    ("The image 'churn:9' does not exist", "ImageError", False),
    (f"Failed to download model data for {URL}. Please ensure that there is an object located at the URL and that the "
     "role passed to CreateModel has permissions to download the model.", "ModelDataError", False),
    ("Could not access model data at s3://models/churn/1.tar.gz", "ModelDataError", False),
    (f"Failed to extract model data archive for {URL}. Please ensure that the object located at the URL is a valid "
     "tar.gz archive.", "ModelDataError", False),
    ("The account-level service limit 'ml.m5.large for endpoint usage' is 2 Instances (ResourceLimitExceeded)",
     "QuotaExceeded", False),
    ("Could not assume role arn:aws:iam::111122223333:role/serving", "AccessDenied", False),
    ("User: x is not authorized to perform: ecr:BatchGetImage", "AccessDenied", False),
    ("One or more alarms went into the ALARM state during deployment", "AlarmTriggered", False),
    ("Request to service failed. If failure persists after retry, contact customer support.", "InternalFailure", True),
    ("Internal server error. Please retry.", "InternalFailure", True),
    ("The moon is full", "Failed", False),
    ("", "Failed", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "transient"), REASONS)
def test_a_failure_reason_has_one_class(text: str, name: str, transient: bool) -> None:
    row = classify(text)
    assert (row.name, row.transient) == (name, transient)
    assert classify(text.upper()) is row, "AWS's capitals do not matter"


def test_an_archive_that_is_missing_and_one_that_is_broken_have_different_remedies() -> None:
    missing, broken = classify(REASONS[9][0]), classify(REASONS[11][0])
    assert "s3 ls" in missing.hint
    assert "tar czf" in broken.hint


def test_our_words_come_first_then_awss_then_the_log() -> None:
    failure = failure_of(f"{PRIMARY} did not pass\nthe ping health check", ("[09:36:51] loading", "Killed"))
    assert failure.class_ == "HealthCheckFailed"
    assert failure.message == (
        "The container started, but never answered GET /ping on port 8080. "
        f"AWS says: {PRIMARY} did not pass the ping health check."
    )
    assert failure.log_excerpt == ("[09:36:51] loading", "Killed")


def test_what_we_cannot_explain_is_said_in_awss_words_and_silence_is_said_to_be_silence() -> None:
    assert cause_of("The moon is full") == failure_of("The moon is full").message == "AWS says: The moon is full."
    assert cause_of("") == failure_of("").message == "SageMaker gave no reason."


@pytest.mark.parametrize("row", failures._TABLE, ids=lambda row: row.name)
def test_every_row_reads_as_sentences_on_one_short_line(row: FailureClass) -> None:
    for text in (row.message, row.hint):
        assert re.fullmatch(r"[A-Z].*\.", text)
        assert len(text) <= 160
    assert row.transient == (row.name in ("InsufficientCapacity", "InternalFailure"))
