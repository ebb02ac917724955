"""Transform jobs in the control plane: what is refused, what is shown, and the way from status to status."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.lifecycle.jobs import job_fleet
from sagemaker_local.control.state.jobs import EDGES, JobStatus, TransformJob, completed, failed, stopped, stopping
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.control.switches import DEFAULTS, Switches
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.hosting.types import FailureClass, FleetFailure
from sagemaker_local.transform.failures import of_fleet
from testkit.operations import called

SOURCE = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in/"}}}
JOB = {
    "TransformJobName": "j",
    "ModelName": "m",
    "TransformInput": SOURCE,
    "TransformOutput": {"S3OutputPath": "s3://b/out"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
}
CSV = {"ContentType": "text/csv", "SplitType": "Line"}


class Account:
    """One account's state, called as the wire calls it."""

    def __init__(self, switches: Switches = DEFAULTS) -> None:
        self.woken: list[Any] = []
        store = Store(lambda key: None, switches, self.woken.append)
        self.state: AccountState = store.of("111122223333", "eu-west-1")
        container = {"Image": "local://echo", "Environment": {"A": "model", "B": "model"}}
        self.call("CreateModel", ModelName="m", PrimaryContainer=container)

    def call(self, name: str, **members: Any) -> Any:
        return called(self.state, name, members)

    def create(self, **members: Any) -> TransformJob:
        self.call("CreateTransformJob", **JOB | members)
        return self.state.transform_jobs.require("j")

    def refused(self, **members: Any) -> str:
        with pytest.raises(ApiError) as caught:
            self.create(**members)
        assert not list(self.state.transform_jobs)
        assert not self.woken
        return caught.value.message


def test_a_job_wakes_whoever_carries_it_out_with_all_that_it_asks() -> None:
    account = Account()
    job = account.create(
        TransformInput=SOURCE | CSV | {"CompressionType": "Gzip"},
        TransformOutput=JOB["TransformOutput"] | {"Accept": "text/csv", "AssembleWith": "Line"},  # type: ignore[operator]
        BatchStrategy="SingleRecord",
        MaxConcurrentTransforms=0,
        MaxPayloadInMB=7,
        ModelClientConfig={"InvocationsTimeoutInSeconds": 9, "InvocationsMaxRetries": 1},
        Environment={"B": "job"},
    )
    assert account.woken == [("111122223333", "eu-west-1", "j")]
    spec = job.spec
    assert (spec.gzip, spec.split_lines, spec.assemble_lines, spec.single_record) == (True, True, True, True)
    assert (spec.max_concurrent, spec.max_payload_mb, spec.timeout_seconds, spec.max_retries) == (None, 7, 9, 1)
    fleet = job_fleet(job)
    assert (fleet.count, fleet.log_group) == (2, "/aws/sagemaker/TransformJobs")
    environment = fleet.containers[0].environment
    assert (environment["A"], environment["B"], environment["SAGEMAKER_BATCH"]) == ("model", "job", "true")


def test_defaults_are_filled_in() -> None:
    account = Account()
    account.create()
    found = account.call("DescribeTransformJob", TransformJobName="j")
    assert (found["TransformInput"]["SplitType"], found["TransformInput"]["CompressionType"]) == ("None", "None")
    assert found["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"TransformInput": SOURCE | {"SplitType": "RecordIO"}}, "does not implement SplitType RecordIO"),
        ({"TransformInput": SOURCE | {"SplitType": "TFRecord"}}, "does not implement SplitType TFRecord"),
        (
            {"TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://b"}}}},
            "use S3Prefix or ManifestFile",
        ),
        (
            {"TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "https://b/k"}}}},
            "S3Uri: https://b/k must be s3://bucket/prefix.",
        ),
        ({"TransformOutput": {"S3OutputPath": "https://b/k"}}, "S3OutputPath: https://b/k must be"),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB is 101; it can be at most 100."),
        ({"MaxConcurrentTransforms": 17}, "is 102; it can be at most 100"),
        ({"MaxConcurrentTransforms": 101, "MaxPayloadInMB": 0}, "at most 100"),
        ({"DataProcessing": {"InputFilter": "a"}}, "DataProcessing: The JSONPath 'a' must begin with $."),
        ({"DataProcessing": {"JoinSource": "Input"}}, "needs ContentType and Accept of one kind"),
        (
            {"TransformInput": SOURCE | CSV,
             "TransformOutput": {"S3OutputPath": "s3://b/o", "Accept": "application/json"},
             "DataProcessing": {"JoinSource": "Input"}},
            "they are text/csv and application/json",
        ),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://b/c"}}, "does not implement DataCaptureConfig"),
        ({"ExperimentConfig": {"TrialName": "t"}}, "does not implement ExperimentConfig"),
        ({"ModelName": "none"}, "Could not find model"),
        ({"Environment": {f"A{number}": "x" for number in range(17)}}, "less than or equal to 16"),
    ],
)  # fmt: skip
def test_a_job_that_is_refused_leaves_nothing(members: dict[str, Any], message: str) -> None:
    assert message in Account().refused(**members)


@pytest.mark.parametrize("needed", [True, False])
def test_whether_a_join_needs_assembly_by_line_is_a_switch(needed: bool) -> None:
    account = Account(Switches(join_needs_assembly_by_line=needed))
    members = {
        "TransformInput": SOURCE | CSV,
        "TransformOutput": {"S3OutputPath": "s3://b/o", "Accept": "text/csv"},
        "DataProcessing": {"JoinSource": "Input"},
    }
    if needed:
        assert account.refused(**members) == "JoinSource Input with SplitType Line needs AssembleWith Line."
    else:
        assert account.create(**members).spec.processing.join


def test_a_job_is_stopped_once() -> None:
    account = Account()
    account.create()
    for _ in range(2):
        account.call("StopTransformJob", TransformJobName="j")
        assert account.state.transform_jobs.require("j").status is JobStatus.STOPPING
    assert len(account.woken) == 2
    account.state.transform_jobs.put(stopped(account.state.transform_jobs.require("j"), 2.0))
    with pytest.raises(ApiError, match="the transform job is in status Stopped"):
        account.call("StopTransformJob", TransformJobName="j")


@given(st.lists(st.sampled_from(["complete", "fail", "stop", "stopped"]), max_size=5))
def test_a_status_only_moves_along_its_edges(steps: list[str]) -> None:
    job = Account().create()
    moves = {
        "complete": lambda each: completed(each, 2.0),
        "fail": lambda each: failed(each, "why", 2.0),
        "stop": lambda each: stopping(each, 2.0),
        "stopped": lambda each: stopped(each, 2.0),
    }
    for step in steps:
        try:
            moved = moves[step](job)
        except ValueError:
            continue
        assert moved.status in EDGES[job.status]
        job = moved
        assert (job.end_time is not None) == job.over
        assert bool(job.failure_reason) == (job.status is JobStatus.FAILED)


@pytest.mark.parametrize(
    ("kind", "message", "reason"),
    [
        (FailureClass.PING_HEALTH_CHECK, "did not pass. (it ended)", "AlgorithmError: Model container failed to respond"
         " to ping; Please ensure /ping endpoint is implemented and responds with an HTTP 200 status code (it ended)"),
        (FailureClass.IMAGE, "for the production variant j exist", "ClientError: for transform job j exist"),
    ],
)  # fmt: skip
def test_containers_that_do_not_start_are_told_in_a_jobs_words(kind: FailureClass, message: str, reason: str) -> None:
    assert str(of_fleet(FleetFailure(kind, message))) == reason
