"""How SageMaker says that nothing has a name, or that it is taken. The words differ by the kind of resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sagemaker_local.control.state import names
from sagemaker_local.control.wire import errors
from sagemaker_local.control.wire.errors import ApiError

_ABSENT: Mapping[str, Callable[[str, str], ApiError]] = {
    names.MODEL_PACKAGE_GROUP: lambda name, arn: errors.does_not_exist("ModelPackageGroup", arn),
    names.MODEL_PACKAGE: lambda name, arn: errors.does_not_exist("ModelPackage", arn),
    names.TRANSFORM_JOB: lambda name, arn: errors.invalid(f"Could not find requested job with name: {name}"),
    **dict.fromkeys(
        (names.MONITORING_SCHEDULE, *names.JOB_DEFINITIONS.values()), lambda name, arn: errors.resource_not_found(arn)
    ),
}
_TAKEN: Mapping[str, Callable[[str], ApiError]] = {
    names.MODEL_PACKAGE_GROUP: lambda arn: errors.invalid(f"Model Package Group already exists: {arn}."),
    names.MODEL_PACKAGE: lambda arn: errors.invalid(f"Model Package already exists: {arn}."),
    names.TRANSFORM_JOB: lambda arn: errors.resource_in_use(
        f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
    ),
    **dict.fromkeys(
        (names.MONITORING_SCHEDULE, *names.JOB_DEFINITIONS.values()),
        lambda arn: errors.resource_in_use(f"{arn} exists already; choose another name."),
    ),
}


def absent(kind: str, name: str, arn: str) -> ApiError:
    """Nothing of this kind has the name. ``kind`` is the ARN's word, such as ``endpoint-config``."""
    return _ABSENT[kind](name, arn) if kind in _ABSENT else errors.not_found(names.WORDS[kind], arn)


def taken(kind: str, arn: str) -> ApiError:
    """Something of this kind has the name already."""
    return _TAKEN[kind](arn) if kind in _TAKEN else errors.already_exists(names.WORDS[kind], arn)
