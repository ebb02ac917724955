"""Which objects care about which endpoint, and which endpoints are changing: what a sweep wakes, and how soon."""

import threading
from collections import defaultdict
from collections.abc import Iterable

from sagemaker_operator.api.resource import ObjectKey
from sagemaker_operator.aws.gateway import Target


class Watchlist:
    """Thread-safe. Endpoint names are compared without case."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._targets: dict[ObjectKey, tuple[str, str]] = {}
        self._keys: dict[tuple[str, str], set[ObjectKey]] = defaultdict(set)
        self._moving: dict[str, set[ObjectKey]] = defaultdict(set)

    def note(self, key: ObjectKey, target: Target, *, in_motion: bool) -> None:
        """After a pass: where the object's endpoint is, and whether SageMaker is changing it."""
        where = (target.region, target.endpoint_name.lower())
        with self._lock:
            before = self._targets.get(key)
            if before is not None and before != where:
                self._forget(key)
            self._targets[key] = where
            self._keys[where].add(key)
            moving = self._moving[target.region]
            (moving.add if in_motion else moving.discard)(key)

    def forget(self, key: ObjectKey) -> None:
        """The object is gone."""
        with self._lock:
            self._forget(key)

    def keys(self, region: str, endpoints: Iterable[str]) -> set[ObjectKey]:
        """The objects of these endpoints."""
        with self._lock:
            return {key for name in endpoints for key in self._keys.get((region, name), ())}

    def keys_in(self, region: str) -> set[ObjectKey]:
        """The objects of all endpoints in the region."""
        with self._lock:
            return {key for key, (where, _) in self._targets.items() if where == region}

    def regions(self) -> list[str]:
        """Those with an object."""
        with self._lock:
            return sorted({region for region, _ in self._targets.values()})

    def in_motion(self, region: str) -> bool:
        """Whether any endpoint there is changing."""
        with self._lock:
            return bool(self._moving[region])

    def _forget(self, key: ObjectKey) -> None:
        where = self._targets.pop(key, None)
        if where is None:
            return
        self._moving[where[0]].discard(key)
        self._keys[where].discard(key)
        if not self._keys[where]:
            del self._keys[where]
