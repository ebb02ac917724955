"""The section `invocation` of a test file."""

from sagemaker_loadtest.api.spec import AsyncResults, Invocation, Operation, TargetModels
from sagemaker_loadtest.exchange.requests import NEVER_NAMED
from sagemaker_loadtest.testfile.fields import Fields
from sagemaker_loadtest.workload.selection import zipf

_OPERATIONS: tuple[Operation, ...] = ("InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream")
_NAME = r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}"
_NAME_RULE = "is no such name: up to 63 letters, digits and hyphens, no hyphen at the ends"
_MOST_MODELS = 10_000
_PLACE = "{number}"


def parse_invocation(fields: Fields) -> Invocation:
    """The operation with its members; faults go where all others of the file go."""
    operation = fields.choice("operation", _OPERATIONS)
    for name in sorted(NEVER_NAMED[operation]):
        if fields.has(name):
            fields.fault(name, f"{operation} has no such member; leave it out")
    if fields.has("async") and operation != "InvokeEndpointAsync":
        fields.fault("async", "only goes with operation: InvokeEndpointAsync")
    if fields.has("sessionId") and fields.has("sessions"):
        fields.fault("", "set at most one of sessionId and sessions")
    invocation = Invocation(
        operation=operation,
        target_variant=_name(fields, "targetVariant"),
        target_models=_models(fields),
        target_container_hostname=_name(fields, "targetContainerHostname"),
        inference_component_name=_name(fields, "inferenceComponentName"),
        session_id=fields.text("sessionId"),
        session_per_user=fields.choice("sessions", ("None", "PerUser")) == "PerUser",
        unique_inference_ids=fields.choice("inferenceIDs", ("None", "Unique")) == "Unique",
        custom_attributes=fields.text("customAttributes"),
        results=_results(fields.section("async")),
    )
    fields.finish()
    return invocation


def _name(fields: Fields, name: str) -> str | None:
    value = fields.text(name)
    fields.matches(name, value, _NAME, _NAME_RULE)
    return value


def _models(fields: Fields) -> TargetModels | None:
    one = fields.text("targetModel", example="fraud-7.tar.gz")
    if fields.has("targetModels") and one:
        fields.fault("", "set at most one of targetModel and targetModels")
    several = fields.section("targetModels")
    weights = several.section("weights")
    pattern = several.text("pattern", example="model-{number}.tar.gz")
    number = several.number("count", None, low=1, high=_MOST_MODELS, whole=True)
    exponent = several.number("zipfExponent", 1.0, low=0.0, high=10.0)
    names = weights.names()
    shares = [weights.number(name, 1.0, low=0.0, high=1e9) or 0.0 for name in names]
    weights.finish()
    several.finish()
    if one:
        return TargetModels((one,), (1.0,))
    if not fields.has("targetModels"):
        return None
    if bool(names) == bool(pattern):
        several.fault("", "set exactly one of weights, for example {a.tar.gz: 3, b.tar.gz: 1}, and pattern with count")
    elif names and not sum(shares):
        several.fault("weights", "are all 0; give one of the models a share")
    elif pattern and _PLACE not in pattern:
        several.fault("pattern", f"“{pattern}” has no {_PLACE}; write for example model-{_PLACE}.tar.gz")
    elif pattern and number is None:
        several.fault("count", "is missing; write for example count: 500")
    if names:
        return TargetModels(tuple(names), tuple(shares))
    many = int(number or 1)
    return TargetModels(
        tuple((pattern or "").replace(_PLACE, str(k)) for k in range(1, many + 1)), zipf(many, float(exponent or 0.0))
    )


def _results(fields: Fields) -> AsyncResults:
    uri = fields.text("inputS3URI", example="s3://bucket/inputs")
    fields.matches("inputS3URI", uri, r"s3://[^/]+(/.*)?", "is no S3 URI; write for example s3://bucket/inputs")
    poll = fields.duration("pollInterval", 0.2, low=0.02, high=60.0) or 0.2
    timeout = fields.duration("resultTimeout", 300.0, low=1.0, high=24 * 3600.0) or 300.0
    fields.finish()
    return AsyncResults(uri, poll, timeout)
