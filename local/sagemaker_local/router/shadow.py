"""Copies of calls for shadow variants, whose replies nobody gets."""

from __future__ import annotations

import random
from collections.abc import Iterable

from sagemaker_local.router.board import EndpointTarget, VariantTarget


class Discarding:
    """Takes the reply of a copy."""

    def reply(self, head: bytes, body: bytes) -> None:
        """Drop it."""


NOBODY = Discarding()


def shadow_of(endpoint: EndpointTarget, variant: VariantTarget) -> VariantTarget | None:
    """The shadow variant that gets a copy of this call; of two fleets during an update, that of the same one.

    Its weight relative to the production variant's is the part of the calls that is copied (API reference,
    ProductionVariant: InitialVariantWeight; AWS: "Shadow variants").
    """
    found = _beside(endpoint.shadows, variant)
    if found is None or not sampled(found.route.weight, variant.route.weight, random.random()):  # noqa: S311 - sampling
        return None
    return found


def _beside(shadows: Iterable[VariantTarget], variant: VariantTarget) -> VariantTarget | None:
    return next((each for each in shadows if each.route.config_name == variant.route.config_name), None)


def sampled(weight: float, production_weight: float, point: float) -> bool:
    """Whether a call is copied; ``point`` is drawn evenly from 0 (included) to 1 (excluded)."""
    return point * production_weight < weight
