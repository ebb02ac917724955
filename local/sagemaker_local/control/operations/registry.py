"""Every operation that is served. A new resource is one more module with its table, named here."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker_local.control.operations import (
    endpoint_configs,
    endpoint_updates,
    endpoints,
    inference_components,
    job_definitions,
    model_package_groups,
    model_package_lists,
    model_packages,
    models,
    monitoring_schedules,
    tags,
    transform_jobs,
)
from sagemaker_local.control.operations.operation import Operation

OPERATIONS: Mapping[str, Operation] = {
    each.name: each
    for module in (
        models,
        endpoint_configs,
        endpoints,
        endpoint_updates,
        tags,
        model_package_groups,
        model_packages,
        model_package_lists,
        transform_jobs,
        inference_components,
        job_definitions,
        monitoring_schedules,
    )
    for each in module.OPERATIONS
}
