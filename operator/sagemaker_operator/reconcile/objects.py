"""The newest known state of each object: from the watch, or from the reply to a write of ours, which may be ahead."""

import threading

from sagemaker_operator.api.resource import ObjectKey, Resource


class Objects:
    """Thread-safe. Without the replies a pass could act on a status that it has itself replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resources: dict[ObjectKey, Resource] = {}

    def __len__(self) -> int:
        return len(self._resources)

    def all_keys(self) -> list[ObjectKey]:
        """Of all objects."""
        with self._lock:
            return list(self._resources)

    def get(self, key: ObjectKey) -> Resource | None:
        """None when there is no such object."""
        return self._resources.get(key)

    def put(self, resource: Resource) -> Resource | None:
        """Keeps the newer of what is known and this. Returns what was known before, None for a new object."""
        with self._lock:
            known = self._resources.get(resource.key)
            if known is None or _version(known) < _version(resource):
                self._resources[resource.key] = resource
            return known if known is not None and known.uid == resource.uid else None

    def drop(self, key: ObjectKey, uid: str) -> None:
        """The object is gone, unless another one has its name already."""
        with self._lock:
            known = self._resources.get(key)
            if known is not None and known.uid == uid:
                del self._resources[key]


def _version(resource: Resource) -> int:
    """Resource versions of one kind are comparable numbers (KEP-5504)."""
    return int(resource.resource_version)
