"""What is not known of SageMaker for certain: one switch for each, with the source of its default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Switches:
    """Each field is a behaviour that can be turned on and off; its default is the likelier one.

    Set with ``--switches`` at the start, or later by the admin API, ``/_local/switches``.
    """

    unapproved_package_refused: bool = True
    """CreateModel refuses a version of a model package that is not Approved. API reference, CreateModelPackage: "the
    value of this parameter must be set to Approved to deploy the model"; which call refuses it is not said."""

    join_needs_assembly_by_line: bool = True
    """CreateTransformJob refuses JoinSource Input with SplitType Line and without AssembleWith Line. The AWS page
    "Associate Prediction Results with Input Records" has both in every example and says nothing of the other case."""

    failed_component_update_keeps_serving: bool = True
    """An inference component whose update fails is InService with the earlier specification and a FailureReason, as an
    endpoint is; else it is Failed. The API reference names Failed without saying when it follows an update."""

    monitored_endpoint_must_exist: bool = True
    """Monitoring job definitions and schedules refuse an EndpointName that is not there. Their declared errors do not
    name it (API reference, CreateDataQualityJobDefinition and CreateMonitoringSchedule)."""

    deletion_of_used_model_refused: bool = False
    """DeleteModel refuses a model that an endpoint configuration or an inference component names. The API reference of
    DeleteModel says nothing of it; endpoint configurations in use can be deleted, though they must not be."""

    real_time_to_asynchronous_refused: bool = True
    """UpdateEndpoint refuses to make a real-time endpoint asynchronous or the other way round. Seen of the latter: "The
    AsyncInferenceConfig parameter cannot be removed from this endpoint" (aws/sagemaker-python-sdk #3124); no AWS page
    speaks of the former."""

    backlog_counts_running: bool = True
    """ApproximateBacklogSize counts what is being processed, beside what waits. AWS, Alarms and logs for asynchronous
    endpoints: "currently being processed or yet to be processed"; users have seen it fall to 0 during long requests."""

    first_serverless_call_is_cold: bool = True
    """The environment that a deployment tries a serverless variant's container with is ended before the endpoint is
    InService. The AWS page "Serverless Inference" says that environments are launched on demand, not what becomes of
    that one."""

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

    execution_role_must_exist: bool = False
    """Whether an ExecutionRoleArn that IAM does not have is refused, as AWS does ("Could not assume role",
    awslabs/predictive-maintenance-using-machine-learning #3). Off, so that nobody needs a role on a laptop."""


DEFAULTS = Switches()


def switches_of(text: str) -> Switches:
    """Read ``name=true,other=false``; what is not named keeps its default. Raises ValueError with a remedy."""
    known = {each.name for each in fields(Switches)}
    given: dict[str, bool] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.strip().partition("=")
        if name not in known:
            raise ValueError(f"{name!r} is no switch; there are {', '.join(sorted(known))}")
        if value not in ("true", "false"):
            raise ValueError(f"{part.strip()!r} must be {name}=true or {name}=false")
        given[name] = value == "true"
    return replace(DEFAULTS, **given)


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
