"""How a transform job fails, in SageMaker's words (FailureReason and data-log lines as seen in public reports)."""

from __future__ import annotations

from sagemaker_local.hosting.types import FailureClass, FleetFailure

CLIENT, ALGORITHM = "ClientError", "AlgorithmError"
INTERNAL = "InternalServerError: We encountered an internal error. Please try again."


class JobFailed(Exception):  # noqa: N818 - SageMaker's own word
    """The job ends Failed with this FailureReason."""


class ObjectFailed(Exception):  # noqa: N818 - SageMaker's own word
    """One object gets no output. ``kind`` is whose fault it is, ``lines`` go to the job's data-log."""

    def __init__(self, kind: str, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.kind = kind
        self.lines = lines


def bad_data(why: str) -> ObjectFailed:
    """A record that cannot be sent, filtered or joined."""
    return ObjectFailed(CLIENT, f"{CLIENT}: {why}")


def bad_status(status: int, body: bytes) -> ObjectFailed:
    """The container refused a request (4xx) or failed (anything else)."""
    text = body.decode("utf-8", "replace")[:1024]
    if 400 <= status < 500:
        return ObjectFailed(CLIENT, f"{CLIENT}: {status}", "", "Message:", *text.splitlines())
    return ObjectFailed(ALGORITHM, f"Bad HTTP status received from algorithm: {status}", "", *text.splitlines())


def no_response(why: str) -> ObjectFailed:
    """The container did not answer in time, or closed the connection."""
    return ObjectFailed(ALGORITHM, "Unable to get response from algorithm", why)


def of_objects(kind: str) -> JobFailed:
    """At least one object failed."""
    return JobFailed(f"{kind}: See job logs for more information")


def no_objects(uri: str, region: str) -> JobFailed:
    """The input has nothing to transform."""
    return JobFailed(
        f'{CLIENT}: No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
        f"exists in the selected region ({region}) and that objects exist under that S3 prefix."
    )


def unreadable(uri: str, why: str) -> JobFailed:
    """Bucket, manifest or object is not there or cannot be read."""
    return JobFailed(f'{CLIENT}: Data download failed: "{uri}": {why}'[:1024])


def not_stored(uri: str, why: str) -> JobFailed:
    """An output object was not written."""
    return JobFailed(f'{CLIENT}: Unable to upload the output to "{uri}": {why}'[:1024])


def of_fleet(failure: FleetFailure) -> JobFailed:
    """The containers did not start."""
    if failure.failure_class is FailureClass.PING_HEALTH_CHECK:
        return JobFailed(
            f"{ALGORITHM}: Model container failed to respond to ping; Please ensure /ping endpoint is implemented and "
            f"responds with an HTTP 200 status code ({_cause(failure.message)})"[:1024]
        )
    return JobFailed(f"{CLIENT}: {failure.message.replace('the production variant', 'transform job')}"[:1024])


def _cause(message: str) -> str:
    """What a fleet's message says between brackets at its end."""
    return message.rpartition("(")[2].rstrip(")")
