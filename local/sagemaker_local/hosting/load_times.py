"""How long models of multi-model containers took to be fetched, loaded and unloaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

VariantKey = tuple[tuple[str, str, str], str]
"""Account, region and endpoint; and the variant."""


class Step(StrEnum):
    """What is done to a model; the names of CloudWatch's metrics."""

    DOWNLOADING = "ModelDownloadingTime"
    LOADING = "ModelLoadingTime"
    UNLOADING = "ModelUnloadingTime"


Times = Mapping[VariantKey, Mapping[Step, Mapping[float, int]]]
"""How often a step took so many microseconds."""


class LoadTimes:
    """Of all containers."""

    def __init__(self) -> None:
        self._times: dict[VariantKey, dict[Step, Counter[float]]] = {}

    def add(self, variant: VariantKey, step: Step, seconds: float) -> None:
        """A step that went well."""
        self._times.setdefault(variant, {}).setdefault(step, Counter())[float(round(seconds * 1e6))] += 1

    def take(self) -> Times:
        """What was counted since the last call of this."""
        taken, self._times = self._times, {}
        return taken
