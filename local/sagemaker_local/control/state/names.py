"""ARNs. SageMaker writes the resource's name in lower case there, whatever the case of the name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sagemaker_local.control.state.monitoring import MonitoringType

MODEL, ENDPOINT_CONFIG, ENDPOINT = "model", "endpoint-config", "endpoint"
MODEL_PACKAGE_GROUP, MODEL_PACKAGE = "model-package-group", "model-package"
TRANSFORM_JOB = "transform-job"
INFERENCE_COMPONENT = "inference-component"
MONITORING_SCHEDULE = "monitoring-schedule"
JOB_DEFINITIONS = {
    MonitoringType.DATA_QUALITY: "data-quality-job-definition",
    MonitoringType.MODEL_QUALITY: "model-quality-job-definition",
    MonitoringType.MODEL_BIAS: "model-bias-job-definition",
    MonitoringType.MODEL_EXPLAINABILITY: "model-explainability-job-definition",
}

WORDS = {
    MODEL: "model",
    ENDPOINT_CONFIG: "endpoint configuration",
    ENDPOINT: "endpoint",
    MODEL_PACKAGE_GROUP: "model package group",
    MODEL_PACKAGE: "model package",
    TRANSFORM_JOB: "transform job",
    INFERENCE_COMPONENT: "inference component",
    MONITORING_SCHEDULE: "monitoring schedule",
    **{each: each.replace("-", " ") for each in JOB_DEFINITIONS.values()},
}
"""What the API's messages call each kind of resource."""

_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:([a-z0-9-]*):([0-9]{12}):([a-z-]+)/(.+)")


@dataclass(frozen=True, slots=True)
class ResourceArn:
    """An ARN taken apart. ``name`` is lower-case in those that SageMaker gave out."""

    region: str
    account: str
    kind: str
    name: str


def arn_of(region: str, account: str, kind: str, name: str) -> str:
    """``arn:<partition>:sagemaker:<region>:<account>:<kind>/<name>``."""
    partition = {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rpartition("-")[0].rpartition("-")[0], "aws")
    return f"arn:{partition}:sagemaker:{region}:{account}:{kind}/{name.lower()}"


def parsed_arn(arn: str) -> ResourceArn | None:
    """None when it is not the ARN of something in SageMaker."""
    found = _ARN.fullmatch(arn)
    return ResourceArn(*found.groups()) if found else None
