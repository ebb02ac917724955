"""What comes in from the Kubernetes API: kept if it is newer, and worked on if a pass could depend on it."""

from collections.abc import Iterable

from sagemaker_operator.api.resource import ObjectKey, Resource
from sagemaker_operator.reconcile.objects import Objects
from sagemaker_operator.reconcile.queue import WorkQueue


class Intake:
    """Thread-safe."""

    def __init__(self, objects: Objects, queue: WorkQueue) -> None:
        self._objects, self._queue = objects, queue

    def seen(self, resource: Resource) -> bool:
        """The object's state at some time. True when it is news."""
        known = self._objects.put(resource)
        news = known is None or _news(known) != _news(resource)
        if news and self._objects.get(resource.key) is resource:
            self._queue.add(resource.key, urgent=known is not None or resource.deletion_requested)
            return True
        return False

    def gone(self, key: ObjectKey, uid: str) -> None:
        """The object does not exist any more."""
        self._objects.drop(key, uid)
        self._queue.add(key)

    def listed(self, resources: Iterable[Resource], version: int) -> int:
        """All objects as of that resource version. Returns how many had news that the watch has not brought."""
        present = {resource.key: resource for resource in resources}
        missed = sum([self.seen(resource) for resource in present.values()])
        for key in self._objects.all_keys():
            known = self._objects.get(key)
            listed = present.get(key)
            absent = listed is None or (known is not None and listed.uid != known.uid)
            if known is not None and absent and int(known.resource_version) <= version:
                self.gone(key, known.uid)
                missed += 1
        return missed


def _news(resource: Resource) -> tuple[object, ...]:
    """What another pass depends on. Our own status write is known already when its event comes."""
    return (
        resource.generation,
        resource.deletion_requested,
        resource.has_finalizer,
        resource.retry_token,
        resource.status,
    )
