"""Monitoring job definitions of all kinds and schedules: rules, statuses, lists."""

from __future__ import annotations

from typing import Any

import pytest

from sagemaker_local.control.state.monitoring import MonitoringType
from sagemaker_local.control.switches import DEFAULTS, Switches
from testkit import operations

ARN = "arn:aws:sagemaker:eu-west-1:111122223333"
ROLE = "arn:aws:iam::111122223333:role/serving"
SOURCE = {"EndpointInput": {"EndpointName": "e", "LocalPath": "/opt/ml/processing/input"}}
OUTPUT = {"MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/out", "LocalPath": "/opt/ml/processing/output"}}]}
RESOURCES = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}}
HOURLY = {"ScheduleExpression": "cron(0 * ? * * *)"}
NAMED = {"MonitoringJobDefinitionName": "d", "MonitoringType": "DataQuality", "ScheduleConfig": HOURLY}
INLINE = {
    "MonitoringJobDefinition": {
        "MonitoringInputs": [SOURCE],
        "MonitoringOutputConfig": OUTPUT,
        "MonitoringResources": RESOURCES,
        "MonitoringAppSpecification": {"ImageUri": "i"},
        "RoleArn": ROLE,
    }
}


def definition(kind: MonitoringType, **members: Any) -> dict[str, Any]:
    """A request that SageMaker takes."""
    truth = {"GroundTruthS3Input": {"S3Uri": "s3://b/truth"}}
    source = SOURCE | (truth if kind in (MonitoringType.MODEL_QUALITY, MonitoringType.MODEL_BIAS) else {})
    image = {"ImageUri": "i"}
    config = {} if kind in (MonitoringType.DATA_QUALITY, MonitoringType.MODEL_QUALITY) else {"ConfigUri": "s3://b/c"}
    return {
        "JobDefinitionName": "d",
        f"{kind}AppSpecification": image | config,
        f"{kind}JobInput": source,
        f"{kind}JobOutputConfig": OUTPUT,
        "JobResources": RESOURCES,
        "RoleArn": ROLE,
        **members,
    }


class Account(operations.Account):
    """One with an endpoint."""

    def __init__(self, switches: Switches = DEFAULTS, endpoint: bool = True) -> None:
        super().__init__(switches)
        if endpoint:
            variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
            self.call("CreateModel", ModelName="m", PrimaryContainer={"Image": "local://echo"})
            self.call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant])
            self.call("CreateEndpoint", EndpointName="e", EndpointConfigName="c")


@pytest.mark.parametrize("kind", MonitoringType)
def test_a_job_definition_is_created_shown_listed_and_deleted(kind: MonitoringType) -> None:
    account = Account()
    request = definition(kind, Tags=[{"Key": "k", "Value": "v"}], StoppingCondition={"MaxRuntimeInSeconds": 60})
    arn = account.call(f"Create{kind}JobDefinition", **request)["JobDefinitionArn"]
    dashed = {"DataQuality": "data-quality", "ModelQuality": "model-quality", "ModelBias": "model-bias"}
    assert arn == f"{ARN}:{dashed.get(kind, 'model-explainability')}-job-definition/d"
    described = account.call(f"Describe{kind}JobDefinition", JobDefinitionName="d")
    assert described[f"{kind}JobInput"] == request[f"{kind}JobInput"]
    assert described["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}
    assert account.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert account.refused(f"Create{kind}JobDefinition", **request)[0] == "ResourceInUse"
    (listed,) = account.call(f"List{kind}JobDefinitions", EndpointName="e")["JobDefinitionSummaries"]
    assert (listed["MonitoringJobDefinitionArn"], listed["EndpointName"]) == (arn, "e")
    assert account.call(f"List{kind}JobDefinitions", EndpointName="f")["JobDefinitionSummaries"] == []
    account.call(f"Delete{kind}JobDefinition", JobDefinitionName="d")
    for name in (f"Describe{kind}JobDefinition", f"Delete{kind}JobDefinition"):
        assert account.refused(name, JobDefinitionName="d") == ("ResourceNotFound", f"{arn} does not exist.")


def test_an_input_is_of_an_endpoint_or_of_batch_transform() -> None:
    account, kind = Account(), MonitoringType.DATA_QUALITY
    batch = {
        "BatchTransformInput": {
            "DataCapturedDestinationS3Uri": "s3://b",
            "DatasetFormat": {"Csv": {"Header": True}},
            "LocalPath": "/opt/ml/processing/input",
        }
    }
    create = f"Create{kind}JobDefinition"
    for source in ({}, SOURCE | batch):
        message = account.refused(create, **definition(kind, DataQualityJobInput=source))[1]
        assert message == "DataQualityJobInput needs exactly one of EndpointInput and BatchTransformInput."
    account.call(create, **definition(kind, DataQualityJobInput=batch))


@pytest.mark.parametrize("needed", [True, False])
def test_whether_the_endpoint_must_exist_is_a_switch(needed: bool) -> None:
    account = Account(Switches(monitored_endpoint_must_exist=needed), endpoint=False)
    request = definition(MonitoringType.DATA_QUALITY)
    if needed:
        assert account.refused("CreateDataQualityJobDefinition", **request)[1].startswith("Could not find endpoint")
    else:
        account.call("CreateDataQualityJobDefinition", **request)


def test_a_schedule_is_started_and_stopped() -> None:
    account = Account()
    account.call("CreateDataQualityJobDefinition", **definition(MonitoringType.DATA_QUALITY))
    name = {"MonitoringScheduleName": "s"}
    arn = account.call("CreateMonitoringSchedule", **name, MonitoringScheduleConfig=NAMED)["MonitoringScheduleArn"]
    assert arn == f"{ARN}:monitoring-schedule/s"

    def status() -> tuple[str, float]:
        found = account.call("DescribeMonitoringSchedule", **name)
        return found["MonitoringScheduleStatus"], found["LastModifiedTime"]

    assert status() == ("Scheduled", 1.0)
    for now, operation, expected in (
        (2.0, "StartMonitoringSchedule", ("Scheduled", 1.0)),
        (3.0, "StopMonitoringSchedule", ("Stopped", 3.0)),
        (4.0, "StopMonitoringSchedule", ("Stopped", 3.0)),
        (5.0, "StartMonitoringSchedule", ("Scheduled", 5.0)),
    ):
        account.now = now
        account.call(operation, **name)
        assert status() == expected
    assert account.call("ListMonitoringExecutions", **name)["MonitoringExecutionSummaries"] == []
    assert account.refused("CreateMonitoringSchedule", **name, MonitoringScheduleConfig=NAMED)[0] == "ResourceInUse"
    account.call("DeleteMonitoringSchedule", **name)
    for operation in ("Describe", "Start", "Stop", "Delete"):
        assert account.refused(f"{operation}MonitoringSchedule", **name) == (
            "ResourceNotFound",
            f"{arn} does not exist.",
        )


def test_an_update_replaces_the_configuration_and_a_stopped_schedule_stays_so() -> None:
    account = Account()
    account.call("CreateDataQualityJobDefinition", **definition(MonitoringType.DATA_QUALITY))
    account.call("CreateMonitoringSchedule", MonitoringScheduleName="s", MonitoringScheduleConfig=NAMED)
    account.call("StopMonitoringSchedule", MonitoringScheduleName="s")
    account.call("UpdateMonitoringSchedule", MonitoringScheduleName="s", MonitoringScheduleConfig=INLINE)
    found = account.call("DescribeMonitoringSchedule", MonitoringScheduleName="s")
    assert (found["MonitoringScheduleStatus"], found["MonitoringScheduleConfig"]) == ("Stopped", INLINE)
    assert found["EndpointName"] == "e"
    code, _ = account.refused("UpdateMonitoringSchedule", MonitoringScheduleName="t", MonitoringScheduleConfig=INLINE)
    assert code == "ResourceNotFound"


@pytest.mark.parametrize(
    ("config", "code", "message"),
    [
        ({}, "ValidationException", "Exactly one of MonitoringJobDefinition and MonitoringJobDefinitionName"),
        (NAMED | INLINE, "ValidationException", "Exactly one of MonitoringJobDefinition and"),
        ({"MonitoringJobDefinitionName": "d"}, "ValidationException", "needs MonitoringType"),
        (NAMED | {"MonitoringType": "ModelBias"}, "ResourceNotFound", "model-bias-job-definition/d does not exist."),
        (NAMED | {"ScheduleConfig": {"ScheduleExpression": "NOW"}}, "ValidationException", "does not implement"),
        (NAMED | {"ScheduleConfig": {"ScheduleExpression": "rate(1 hour)"}}, "ValidationException", "must be hourly"),
        (NAMED | {"ScheduleConfig": {"ScheduleExpression": "cron(0 24 ? * * *)"}}, "ValidationException", "must be"),
        (NAMED | {"ScheduleConfig": {"ScheduleExpression": "cron(5 * ? * * *)"}}, "ValidationException", "must be"),
    ],
)
def test_a_schedule_that_is_refused(config: dict[str, Any], code: str, message: str) -> None:
    account = Account()
    account.call("CreateDataQualityJobDefinition", **definition(MonitoringType.DATA_QUALITY))
    found = account.refused("CreateMonitoringSchedule", MonitoringScheduleName="s", MonitoringScheduleConfig=config)
    assert found[0] == code
    assert message in found[1]
    assert not list(account.state.monitoring_schedules)


@pytest.mark.parametrize("hours", ["*", "0", "23", "17/12", "0/2", "00/24"])
def test_the_pages_expressions_are_taken(hours: str) -> None:
    config = INLINE | {"ScheduleConfig": {"ScheduleExpression": f"cron(0 {hours} ? * * *)"}}
    Account().call("CreateMonitoringSchedule", MonitoringScheduleName="s", MonitoringScheduleConfig=config)


def test_schedules_are_listed_by_what_they_watch() -> None:
    account = Account()
    account.call("CreateModelBiasJobDefinition", **definition(MonitoringType.MODEL_BIAS))
    bias = NAMED | {"MonitoringType": "ModelBias"}
    account.call("CreateMonitoringSchedule", MonitoringScheduleName="bias", MonitoringScheduleConfig=bias)
    account.call("CreateMonitoringSchedule", MonitoringScheduleName="inline", MonitoringScheduleConfig=INLINE)
    account.call("StopMonitoringSchedule", MonitoringScheduleName="inline")

    def listed(**members: Any) -> list[str]:
        found = account.call("ListMonitoringSchedules", SortBy="Name", SortOrder="Ascending", **members)
        return [each["MonitoringScheduleName"] for each in found["MonitoringScheduleSummaries"]]

    assert listed() == listed(EndpointName="e") == ["bias", "inline"]
    assert listed(MonitoringJobDefinitionName="d") == listed(MonitoringTypeEquals="ModelBias") == ["bias"]
    assert listed(StatusEquals="Stopped") == listed(MonitoringTypeEquals="DataQuality") == ["inline"]
    assert listed(EndpointName="f") == []
