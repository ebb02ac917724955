"""What the spec asks of AWS: the very requests, named by their content."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sagemaker_operator.api import identity
from sagemaker_operator.api.identity import REVISION_TAG, Owner
from sagemaker_operator.api.spec import Container, EndpointSpec, Variant
from sagemaker_operator.api.status import Status
from sagemaker_operator.plan.hashing import CONTENT_DIGITS, INITIAL_VALUES_DIGITS, content_hash
from sagemaker_operator.plan.images import ImageTable
from sagemaker_operator.plan.problems import InvalidSpec, Problem

NO_REGION = Problem(
    "InvalidSpec", "no region is given.", "Set spec.region, or start the operator with --default-region."
)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What fills what a spec leaves out: the operator's settings, and above them what was settled for an object."""

    execution_role_arn: str | None = None
    region: str | None = None
    name_prefix: str = ""
    endpoint_name: str | None = None


def settled_defaults(defaults: Defaults, status: Status) -> Defaults:
    """An endpoint stays where it is, under its name, when the operator's settings change; else it would be left behind.

    A name that was refused as taken is not settled.
    """
    ready = status.condition("Ready")
    taken = ready is not None and ready.reason == "NameTaken"
    return replace(
        defaults,
        region=status.region or defaults.region,
        endpoint_name=None if taken else status.endpoint_name,
    )


@dataclass(frozen=True, slots=True)
class Model:
    """A CreateModel request without its tags."""

    name: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DesiredVariant:
    """What of a variant is changed in place: its weight and its instance count."""

    name: str
    weight: int
    count: int


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that AWS is asked for on behalf of one object.

    `revision` is equal exactly when no new fleet is needed; `config_name` adds the initial weights and counts.
    """

    owner: Owner
    region: str
    execution_role_arn: str
    endpoint_name: str
    revision: str
    config_name: str
    models: tuple[Model, ...]
    config_request: Mapping[str, Any]
    variants: tuple[DesiredVariant, ...]
    user_tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """What the names of the models and configs begin with."""
        return identity.base_name(self.endpoint_name)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the models: the user's and the owner's, the owner's last, for they are the identity."""
        return {**self.user_tags, **self.owner.tags()}

    @property
    def revision_tags(self) -> dict[str, str]:
        """The tags of the config and the endpoint."""
        return {**self.tags, REVISION_TAG: self.revision}

    def model_of(self, variant: str) -> str | None:
        """The model that serves a variant of that name."""
        entries = self.config_request["ProductionVariants"]
        return next((entry["ModelName"] for entry in entries if entry["VariantName"] == variant), None)

    @property
    def instance_count(self) -> int:
        """Instances over all variants."""
        return sum(v.count for v in self.variants)

    @property
    def traffic(self) -> dict[str, int]:
        """The weight of each variant."""
        return {v.name: v.weight for v in self.variants}


def build_desired(spec: EndpointSpec, owner: Owner, defaults: Defaults, images: ImageTable) -> Desired:
    """The requests for a spec. Raises InvalidSpec for what the CRD cannot refuse."""
    region = spec.region or defaults.region
    if not region:
        raise InvalidSpec(NO_REGION.message, NO_REGION.hint)
    role = spec.execution_role_arn or defaults.execution_role_arn
    if not role:
        raise InvalidSpec(
            "no execution role is given.",
            "Set spec.executionRoleARN, or start the operator with --default-execution-role-arn.",
        )
    name = identity.endpoint_name(owner.key, spec.endpoint_name or defaults.endpoint_name, defaults.name_prefix)
    base = identity.base_name(name)
    models = {v.name: _model(v, base, role, region, images) for v in spec.variants}
    weights = _weights(spec)
    variants = tuple(DesiredVariant(v.name, weights[v.name], v.instances.count) for v in spec.variants)
    fleet = [_production_variant(v, models[v.name].name) for v in spec.variants]
    revision = _revision(fleet, spec.restart_token)
    initial = [{"InitialVariantWeight": float(v.weight), "InitialInstanceCount": v.count} for v in variants]
    config = identity.config_name(base, revision, _initial_values_hash(variants))
    return Desired(
        owner=owner,
        region=region,
        execution_role_arn=role,
        endpoint_name=name,
        revision=revision,
        config_name=config,
        models=tuple({m.name: m for m in models.values()}.values()),
        config_request={
            "EndpointConfigName": config,
            "ProductionVariants": [{**given, **values} for given, values in zip(fleet, initial, strict=True)],
        },
        variants=variants,
        user_tags=spec.tags,
    )


def _weights(spec: EndpointSpec) -> dict[str, int]:
    if len(spec.variants) == 1 and not spec.traffic:
        return {spec.variants[0].name: 1}
    missing = [v.name for v in spec.variants if v.name not in spec.traffic]
    if missing:
        raise InvalidSpec(
            f"traffic does not name {', '.join(missing)}.", "Give each variant its share in spec.traffic."
        )
    return {v.name: spec.traffic[v.name] for v in spec.variants}


def _model(variant: Variant, base: str, role: str, region: str, images: ImageTable) -> Model:
    container = _container(variant.containers[0], region, images)
    content = {"PrimaryContainer": container, "ExecutionRoleArn": role}
    name = identity.model_name(base, content_hash(content, CONTENT_DIGITS))
    return Model(name, {"ModelName": name, **content})


def _container(container: Container, region: str, images: ImageTable) -> dict[str, Any]:
    environment: dict[str, str] = {}
    if container.framework:
        image = images.image(container.framework, region)
        environment.update(images.environment(container.framework))
    else:
        image = container.image or ""
    environment.update(container.environment)
    request: dict[str, Any] = {"Image": image}
    if container.model_data_url:
        request["ModelDataUrl"] = container.model_data_url
    if environment:
        request["Environment"] = environment
    return request


def _production_variant(variant: Variant, model: str) -> dict[str, Any]:
    return {"VariantName": variant.name, "ModelName": model, "InstanceType": variant.instances.type}


def _revision(fleet: list[dict[str, Any]], restart_token: str | None) -> str:
    """Without the base in the models' names, so that a fleet keeps its revision under another endpoint name.

    The order of the variants means nothing: they are keyed by name, and a merge of two appliers may turn them about.
    """
    by_name = sorted(fleet, key=lambda v: str(v["VariantName"]))
    content: dict[str, Any] = {
        "ProductionVariants": [{**v, "ModelName": v["ModelName"].rsplit("-", 1)[1]} for v in by_name]
    }
    if restart_token:
        content["restartToken"] = restart_token
    return content_hash(content, CONTENT_DIGITS)


def _initial_values_hash(variants: tuple[DesiredVariant, ...]) -> str:
    return content_hash({v.name: [v.weight, v.count] for v in variants}, INITIAL_VALUES_DIGITS)
