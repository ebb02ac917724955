"""The Lease on a real API server, with clocks of the test's own: held, lost, taken over, handed over."""

import threading
from typing import Any

import pytest
from kubernetes import client, config

from sagemaker_operator.kube.lease import LEASE_NAME, Lease


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def api(control_plane: Any) -> client.ApiClient:
    settings = client.Configuration()
    config.load_kube_config(str(control_plane.kubeconfig), client_configuration=settings)
    return client.ApiClient(settings)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def acquired(lease: Lease) -> bool:
    """One attempt."""
    return lease._try()


def test_one_holds_it_and_the_other_waits_a_whole_term(api: Any, namespace: str, clock: Clock) -> None:
    one, two = Lease(api, namespace, "one", 15, clock), Lease(api, namespace, "two", 15, clock)
    assert acquired(one)
    assert not acquired(two)
    clock.now += 14
    assert not acquired(two)
    clock.now += 2
    assert acquired(two), "the holder did not renew for a term"
    assert not acquired(one), "the old holder comes too late"
    spec = client.CoordinationV1Api(api).read_namespaced_lease(LEASE_NAME, namespace).spec
    assert (spec.holder_identity, spec.lease_transitions) == ("two", 1)


def test_a_renewal_begins_the_others_wait_anew(api: Any, namespace: str, clock: Clock) -> None:
    one, two = Lease(api, namespace, "one", 15, clock), Lease(api, namespace, "two", 15, clock)
    acquired(one)
    acquired(two)
    clock.now += 10
    assert acquired(one)
    clock.now += 10
    assert not acquired(two)


def test_it_is_given_up_before_anybody_may_take_over(api: Any, namespace: str, clock: Clock) -> None:
    one = Lease(api, namespace, "one", 15, clock)
    acquired(one)
    assert one.held
    clock.now += 11
    assert not one.held


def test_released_it_is_free_at_once(api: Any, namespace: str, clock: Clock) -> None:
    one, two = Lease(api, namespace, "one", 60, clock), Lease(api, namespace, "two", 60, clock)
    acquired(one)
    one.release()
    assert not one.held
    assert acquired(two)
    one.release()
    assert two.held
    spec = client.CoordinationV1Api(api).read_namespaced_lease(LEASE_NAME, namespace).spec
    assert spec.holder_identity == "two", "a release by who holds it no more takes nothing away"


def test_of_two_that_try_at_once_one_gets_it(api: Any, namespace: str) -> None:
    leases = [Lease(api, namespace, f"holder-{number}", 15) for number in range(6)]
    gate, won = threading.Barrier(len(leases)), []

    def attempt(lease: Lease) -> None:
        gate.wait()
        if acquired(lease):
            won.append(lease)

    threads = [threading.Thread(target=attempt, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_waiting_ends_when_asked_to(api: Any, namespace: str, clock: Clock) -> None:
    acquired(Lease(api, namespace, "one", 15, clock))
    stop = threading.Event()
    stop.set()
    assert not Lease(api, namespace, "two", 15, clock).acquire(stop)
