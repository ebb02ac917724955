"""Monitoring over the wire: modelled errors, pages, and that nothing is run."""

from __future__ import annotations

from typing import Any

import pytest

ROLE = "arn:aws:iam::111122223333:role/serving"


def test_a_schedule_of_a_job_definition(world: Any) -> None:
    world.create(world.config("config", world.model("model")))
    sagemaker, name = world.sagemaker, f"{world.prefix}-drift"
    arn = sagemaker.create_data_quality_job_definition(
        JobDefinitionName=name,
        DataQualityAppSpecification={"ImageUri": "registry.example/monitor:1"},
        DataQualityJobInput={
            "EndpointInput": {"EndpointName": world.endpoint, "LocalPath": "/opt/ml/processing/input"}
        },
        DataQualityJobOutputConfig={
            "MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://models/drift", "LocalPath": "/opt/ml/processing/out"}}]
        },
        JobResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}},
        RoleArn=ROLE,
    )["JobDefinitionArn"]
    config = {
        "MonitoringJobDefinitionName": name,
        "MonitoringType": "DataQuality",
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
    }
    names = [f"{name}-{number}" for number in range(3)]
    for each in names:
        sagemaker.create_monitoring_schedule(MonitoringScheduleName=each, MonitoringScheduleConfig=config)
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_monitoring_schedule(MonitoringScheduleName=names[0], MonitoringScheduleConfig=config)
    pages = sagemaker.get_paginator("list_monitoring_schedules").paginate(
        EndpointName=world.endpoint, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    listed = [each["MonitoringScheduleName"] for page in pages for each in page["MonitoringScheduleSummaries"]]
    assert listed == names
    found = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=names[0])
    assert (found["MonitoringScheduleStatus"], found["EndpointName"]) == ("Scheduled", world.endpoint)
    assert sagemaker.list_monitoring_executions()["MonitoringExecutionSummaries"] == []
    for each in names:
        sagemaker.delete_monitoring_schedule(MonitoringScheduleName=each)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_monitoring_schedule(MonitoringScheduleName=names[0])
    sagemaker.delete_data_quality_job_definition(JobDefinitionName=name)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound, match=f"{arn} does not exist"):
        sagemaker.describe_data_quality_job_definition(JobDefinitionName=name)
