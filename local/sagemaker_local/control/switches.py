"""What is not known of SageMaker for certain: one switch for each, with the source of its default."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Switches:
    """Each field is a behaviour that can be turned on and off; its default is the likelier one."""

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
