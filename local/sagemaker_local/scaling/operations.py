"""Application Auto Scaling's API for the namespace sagemaker: every operation that is served."""

from __future__ import annotations

from collections.abc import Mapping

from sagemaker_local.control.operations.operation import Operation
from sagemaker_local.scaling import actions, activities, policies, targets

OPERATIONS: Mapping[str, Operation] = {
    each.name: each for module in (targets, policies, actions, activities) for each in module.OPERATIONS
}
