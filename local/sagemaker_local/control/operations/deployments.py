"""What a creation or an update deploys: the variants of a configuration, by a deployment policy."""

from __future__ import annotations

from dataclasses import replace

from sagemaker_local.control.state.endpoint import Deployment, Stage, Variant, VariantStatus
from sagemaker_local.control.state.policy import Policy
from sagemaker_local.control.state.records import EndpointConfig, ProductionVariant
from sagemaker_local.control.state.store import AccountState

DESIRED_COUNT, DESIRED_WEIGHT = "DesiredInstanceCount", "DesiredWeight"
"""The variant properties that an update can retain (API shape VariantPropertyType)."""


def deployment_of(
    state: AccountState,
    config: EndpointConfig,
    policy: Policy,
    now: float,
    earlier: tuple[Variant, ...] = (),
    retained: frozenset[str] = frozenset(),
) -> Deployment:
    """``retained`` properties are taken from the earlier variants of the same name.

    Raises ApiError when a model of the configuration is gone.
    """
    known = {each.name: each for each in earlier}
    variants = tuple(
        _retaining(_variant(state, each, now), known.get(each.variant_name), retained) for each in config.variants
    )
    return Deployment(config.name, variants, now, policy, config.features)


def _variant(state: AccountState, production: ProductionVariant, now: float) -> Variant:
    serverless = production.serverless_config
    model = state.models.require(production.model_name) if production.model_name else None
    return Variant(
        production=production,
        containers=model.containers if model else (),
        direct=model.direct if model else False,
        resolution_time=now,
        current_weight=0.0,
        desired_weight=production.initial_variant_weight,
        current_count=0,
        desired_count=max(1, serverless.provisioned) if serverless else production.initial_instance_count,
        status=VariantStatus(Stage.CREATING, now),
        desired_serverless=serverless,
    )


def _retaining(variant: Variant, earlier: Variant | None, retained: frozenset[str]) -> Variant:
    if earlier is None or variant.desired_serverless is not None or earlier.desired_serverless is not None:
        return variant
    return replace(
        variant,
        desired_count=earlier.desired_count if DESIRED_COUNT in retained else variant.desired_count,
        desired_weight=earlier.desired_weight if DESIRED_WEIGHT in retained else variant.desired_weight,
    )
