"""The Lease with a clock of its own: who may work, from when on, and until when."""

import copy
import threading
from collections.abc import Callable
from http import HTTPStatus

import pytest
from kubernetes import client

from sagemaker_operator.kube.lease import Lease

TERM = 15


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Turns(threading.Event):
    """Set after `count` waits, in which the clock goes on by what is waited and `meanwhile` happens."""

    def __init__(self, clock: Clock, count: int, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self._clock, self._count, self._meanwhile = clock, count, meanwhile

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.now += timeout or 0
        self._count -= 1
        self._meanwhile()
        if self._count < 0:
            self.set()
        return self.is_set()


class Leases:
    """The API server's one Lease, guarded by its resourceVersion."""

    def __init__(self) -> None:
        self.stored: client.V1Lease | None = None
        self.away = False

    def read_namespaced_lease(self, *_: str, **__: float) -> client.V1Lease:
        self._answer()
        if self.stored is None:
            raise client.ApiException(status=HTTPStatus.NOT_FOUND)
        return copy.deepcopy(self.stored)

    def create_namespaced_lease(self, _: str, body: client.V1Lease, **__: float) -> None:
        self._answer()
        body.metadata.resource_version = "1"
        self.stored = copy.deepcopy(body)

    def replace_namespaced_lease(self, _: str, __: str, body: client.V1Lease, **___: float) -> None:
        self._answer()
        if self.stored is None or body.metadata.resource_version != self.stored.metadata.resource_version:
            raise client.ApiException(status=HTTPStatus.CONFLICT)
        body.metadata.resource_version = str(int(body.metadata.resource_version) + 1)
        self.stored = copy.deepcopy(body)

    def _answer(self) -> None:
        if self.away:
            raise client.ApiException(status=HTTPStatus.SERVICE_UNAVAILABLE)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> Leases:
    server = Leases()
    monkeypatch.setattr(client, "CoordinationV1Api", lambda _: server)
    return server


@pytest.fixture
def new(leases: Leases, clock: Clock) -> Callable[[str], Lease]:
    return lambda identity: Lease(client.ApiClient(), "ml", identity, TERM, clock)


def test_a_free_lease_is_taken_at_once(new: Callable[[str], Lease], clock: Clock) -> None:
    first = new("a")
    assert not first.held
    assert first.acquire(Turns(clock, 0))
    assert first.held


def test_a_lease_that_is_renewed_stays_its_holders(new: Callable[[str], Lease], clock: Clock) -> None:
    holder, other = new("a"), new("b")
    holder.acquire(Turns(clock, 0))
    assert not other.acquire(Turns(clock, 20, lambda: holder.keep(Turns(clock, 1))))
    assert holder.held
    assert not other.held


def test_a_holder_that_is_gone_is_succeeded_after_a_whole_term(new: Callable[[str], Lease], clock: Clock) -> None:
    new("a").acquire(Turns(clock, 0))
    clock.now += 100
    seen_first = clock.now
    assert new("b").acquire(Turns(clock, 10))
    assert seen_first + TERM <= clock.now < seen_first + TERM + 5


def test_the_holder_gives_up_before_another_may_take_over(
    new: Callable[[str], Lease], leases: Leases, clock: Clock
) -> None:
    holder = new("a")
    holder.acquire(Turns(clock, 0))
    renewed = clock.now
    leases.away = True
    assert not holder.keep(Turns(clock, 20))
    assert not holder.held
    assert clock.now < renewed + TERM


def test_a_short_absence_of_the_api_server_is_survived(
    new: Callable[[str], Lease], leases: Leases, clock: Clock
) -> None:
    holder = new("a")
    holder.acquire(Turns(clock, 0))
    leases.away = True
    holder.keep(Turns(clock, 2))
    leases.away = False
    assert holder.keep(Turns(clock, 2))
    assert holder.held


def test_a_lease_that_was_released_is_free_at_once(new: Callable[[str], Lease], clock: Clock) -> None:
    holder, other = new("a"), new("b")
    holder.acquire(Turns(clock, 0))
    holder.release()
    assert not holder.held
    assert other.acquire(Turns(clock, 0))


def test_who_does_not_hold_it_releases_nothing(new: Callable[[str], Lease], clock: Clock) -> None:
    holder, other = new("a"), new("b")
    holder.acquire(Turns(clock, 0))
    other.release()
    assert not other.acquire(Turns(clock, 0))


def test_of_two_that_take_it_at_once_one_gets_it(
    new: Callable[[str], Lease], leases: Leases, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, one, other = new("gone"), new("a"), new("b")
    gone.acquire(Turns(clock, 0))
    gone.release()
    read = leases.read_namespaced_lease

    def overtaken(*names: str, **more: float) -> client.V1Lease:
        found = read(*names, **more)
        monkeypatch.setattr(leases, "read_namespaced_lease", read)
        assert other.acquire(Turns(clock, 0))
        return found

    monkeypatch.setattr(leases, "read_namespaced_lease", overtaken)
    assert not one.acquire(Turns(clock, 0))
    assert other.held
