"""Where it is not known what SageMaker does, both ways are here; each field names its source and what each way is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Switches:
    """The default is the way that is thought likelier. Changed through the admin API, ``/_local/switches``."""

    idle_variants_publish_zero: bool = True
    """Whether a variant without calls publishes Invocations of 0 or nothing (Monitor with CloudWatch does not say)."""

    rollback_has_failure_reason: bool = True
    """Whether a deployment that an alarm ended leaves a FailureReason (hashicorp/terraform-provider-aws #46663,
    #48997: sometimes empty)."""

    rollback_shows_rolling_back: bool = False
    """Whether a deployment's rollback shows as RollingBack or as Updating (DescribeEndpoint names RollingBack for
    changes of weights and counts, and does not exclude it here)."""

    same_config_update: bool = True
    """Whether UpdateEndpoint with the config that serves makes a new fleet or is refused (UpdateEndpoint: a new
    EndpointConfig must be made)."""

    out_of_service_takes_changes: bool = False
    """Whether UpdateEndpoint and UpdateEndpointWeightsAndCapacities are taken while OutOfService (DescribeEndpoint:
    "not available to take incoming requests", no more)."""

    out_of_service_takes_deletion: bool = True
    """Whether DeleteEndpoint is taken while OutOfService (as above)."""

    rollback_failed_takes_changes: bool = True
    """Whether both updates are taken while UpdateRollbackFailed (DescribeEndpoint points to "Rolling deployments",
    which does not say)."""

    rollback_failed_takes_deletion: bool = True
    """Whether DeleteEndpoint is taken while UpdateRollbackFailed (as above)."""

    scalable_target_needs_in_service: bool = True
    """Whether a variant of an endpoint that is Creating can be registered for scaling (Application Auto Scaling
    does not say)."""


def switched(switches: Switches, document: object) -> Switches:
    """With the fields that a JSON object names set anew. Raises ValueError for anything else."""
    if not isinstance(document, dict):
        raise ValueError("the body must be an object of switches and true or false")
    known = {each.name for each in fields(Switches)}
    for name, value in document.items():
        if name not in known:
            raise ValueError(f"there is no switch {name}; there are {', '.join(sorted(known))}")
        if not isinstance(value, bool):
            raise ValueError(f"the switch {name} must be true or false")
    return replace(switches, **document)


def shown(switches: Switches) -> Mapping[str, bool]:
    """Every switch by name."""
    return {each.name: getattr(switches, each.name) for each in fields(Switches)}
