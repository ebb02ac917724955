"""What is not known of SageMaker for certain: one switch for each, with the source of its default."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Switches:
    """Each field is a behaviour that can be turned on and off; its default is the likelier one."""

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
    """UpdateEndpoint refuses to make a real-time endpoint asynchronous or the other way round. No AWS page speaks of
    it."""

    backlog_counts_running: bool = True
    """ApproximateBacklogSize counts what is being processed, beside what waits. AWS, Alarms and logs for asynchronous
    endpoints: "currently being processed or yet to be processed"; users have seen it fall to 0 during long requests."""

    first_serverless_call_is_cold: bool = True
    """The environment that a deployment tries a serverless variant's container with is ended before the endpoint is
    InService. The AWS page "Serverless Inference" says that environments are launched on demand, not what becomes of
    that one."""


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
