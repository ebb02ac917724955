"""The Lease that only one operator holds: two would pull one endpoint back and forth."""

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

import urllib3
from kubernetes import client

log = logging.getLogger(__name__)

LEASE_NAME = "sagemaker-operator"
_RENEWALS_PER_TERM = 5


class Lease:
    """Held, or waited for. A holder counts as gone when its entry has not changed for a whole term by our own clock.

    The client library's leader election cannot be stopped or handed over, hence this one; the rules are client-go's.
    `seconds`: the term. The holder renews five times a term and gives up at two thirds of it, before anyone else may
    take over.
    """

    def __init__(
        self,
        api: client.ApiClient,
        namespace: str,
        identity: str,
        seconds: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = client.CoordinationV1Api(api)
        self._namespace, self._identity, self._seconds, self._clock = namespace, identity, seconds, clock
        self._seen: tuple[str, object] | None = None
        self._seen_at = 0.0
        self._renewed_at: float | None = None
        self._timeout = max(seconds / _RENEWALS_PER_TERM, 0.5)

    @property
    def held(self) -> bool:
        """Whether we are sure to be the only one."""
        return self._renewed_at is not None and self._clock() - self._renewed_at < self._seconds * 2 / 3

    def acquire(self, stop: threading.Event) -> bool:
        """Waits until the Lease is ours; False when `stop` was set first."""
        told = False
        while not stop.is_set():
            if self._try():
                return True
            if not told:
                holder = self._seen[0] if self._seen else "unknown"
                log.info("Waiting for the Lease %s/%s, held by %s", self._namespace, LEASE_NAME, holder)
                told = True
            stop.wait(self._pause)
        return False

    def keep(self, stop: threading.Event) -> bool:
        """Renews until `stop` is set; False as soon as the Lease may be lost."""
        while not stop.wait(self._pause):
            if not self._try() and not self.held:
                return False
        return True

    def release(self) -> None:
        """Lets the next one start at once."""
        if not self.held:
            return
        self._renewed_at = None
        try:
            lease = self._read()
            if lease is not None and _spec(lease).holder_identity == self._identity:
                _spec(lease).holder_identity = ""
                _spec(lease).lease_duration_seconds = 1
                self._replace(lease)
        except (client.ApiException, urllib3.exceptions.HTTPError) as error:
            log.warning("The Lease was not released, so the next operator waits %d s: %s", self._seconds, error)

    @property
    def _pause(self) -> float:
        return self._seconds / _RENEWALS_PER_TERM

    def _try(self) -> bool:
        started = self._clock()
        try:
            done = self._take()
        except (client.ApiException, urllib3.exceptions.HTTPError) as error:
            log.warning("The Lease %s/%s cannot be read or written: %s", self._namespace, LEASE_NAME, _words(error))
            return False
        if done:
            self._renewed_at = started
        return done

    def _take(self) -> bool:
        lease = self._read()
        if lease is None:
            self._create()
            return True
        spec = _spec(lease)
        holder, renewed = spec.holder_identity or "", spec.renew_time
        if (holder, renewed) != self._seen:
            self._seen, self._seen_at = (holder, renewed), self._clock()
        term = spec.lease_duration_seconds or self._seconds
        if holder not in ("", self._identity) and self._clock() - self._seen_at < term:
            return False
        now = dt.datetime.now(dt.UTC)
        if holder != self._identity:
            spec.acquire_time = now
            spec.lease_transitions = (spec.lease_transitions or 0) + 1
        spec.holder_identity, spec.renew_time = self._identity, now
        spec.lease_duration_seconds = self._seconds
        self._replace(lease)
        return True

    def _read(self) -> client.V1Lease | None:
        try:
            return self._api.read_namespaced_lease(LEASE_NAME, self._namespace, _request_timeout=self._timeout)
        except client.ApiException as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def _create(self) -> None:
        now = dt.datetime.now(dt.UTC)
        spec = client.V1LeaseSpec(
            holder_identity=self._identity,
            lease_duration_seconds=self._seconds,
            acquire_time=now,
            renew_time=now,
            lease_transitions=0,
        )
        body = client.V1Lease(metadata=client.V1ObjectMeta(name=LEASE_NAME, namespace=self._namespace), spec=spec)
        self._api.create_namespaced_lease(self._namespace, body, _request_timeout=self._timeout)

    def _replace(self, lease: client.V1Lease) -> None:
        """Guarded by the resourceVersion that was read: of two that try at once one gets a conflict."""
        self._api.replace_namespaced_lease(LEASE_NAME, self._namespace, lease, _request_timeout=self._timeout)


def _spec(lease: client.V1Lease) -> client.V1LeaseSpec:
    """Somebody may have made the Lease by hand, without a spec."""
    if lease.spec is None:
        lease.spec = client.V1LeaseSpec()
    return lease.spec


def _words(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)
