"""The lobby of a search over HTTP: who gets the next job, who comes too late, who is waited for at the end."""

import contextlib
import threading
from collections.abc import Iterator

import pytest
from tests.unit.loadtest.test_loadtest_report import OPEN, spec_of

from sagemaker_loadtest.measure.wire import Job
from sagemaker_loadtest.pods.httpport import Address
from sagemaker_loadtest.pods.invitation import Invitation, NoMasterError, Turn, call, first_turn, following
from sagemaker_loadtest.pods.lobby import Lobby

JOB = Job("worker", spec_of(OPEN, "lobby", "p99 <= 80ms"), "http://127.0.0.1:1", "", run="r1")


@pytest.fixture
def lobby() -> Iterator[Lobby]:
    with contextlib.closing(Lobby(Address("127.0.0.1", 0), "r1", steps=True)) as found:
        yield found


def guest(lobby: Lobby, name: str = "worker-1") -> Invitation:
    return Invitation(lobby.url, "r1", name, max_wait_seconds=0.0, patience_seconds=0.0)


def test_a_worker_of_the_first_step_gets_the_next_and_no_other_does(lobby: Lobby) -> None:
    lobby.invite(JOB)
    first = first_turn(guest(lobby), [])
    lobby.begun()
    assert (first.step, first.more, first.job.name) == (1, True, "worker-1")
    lobby.invite(JOB)
    with pytest.raises(NoMasterError, match="has begun without this worker"):
        first_turn(guest(lobby, "late"), [])
    second = following(guest(lobby), [], first)
    assert second is not None
    assert second.step == 2
    lobby.begun()
    with pytest.raises(NoMasterError, match="has begun without this worker"):
        following(guest(lobby, "slow"), [], first)


def test_a_worker_waits_between_two_steps(lobby: Lobby) -> None:
    lobby.invite(JOB)
    first = first_turn(guest(lobby), [])
    lobby.begun()
    assert call(guest(lobby), "/job?run=r1&after=1")[0] == 503
    waiting: list[Turn | None] = []
    thread = threading.Thread(target=lambda: waiting.append(following(guest(lobby), [], first)))
    thread.start()
    lobby.invite(JOB)
    thread.join(10)
    assert [turn.step for turn in waiting if turn] == [2]


def test_the_master_goes_when_all_workers_have_heard_that_it_is_over(lobby: Lobby) -> None:
    lobby.invite(JOB)
    turns = [(name, first_turn(guest(lobby, name), [])) for name in ("worker-1", "worker-2", "worker-3")]
    lobby.end()
    gone = threading.Event()
    master = threading.Thread(target=lambda: (lobby.see_off(), gone.set()))
    master.start()
    lobby.lost("worker-3")
    for name, turn in turns[:2]:
        assert not gone.is_set()
        assert following(guest(lobby, name), [], turn) is None
    master.join(2)
    assert gone.is_set(), "sooner than after the time that it waits for workers that never come back"


def test_another_master_at_the_same_address_is_not_followed(lobby: Lobby) -> None:
    lobby.invite(JOB)
    turn = first_turn(guest(lobby), [])
    with contextlib.closing(Lobby(Address("127.0.0.1", 0), "r1", steps=True)) as other:
        with pytest.raises(NoMasterError, match="Another master"):
            following(guest(other), [], turn)
        other.invite(JOB)
        with pytest.raises(NoMasterError, match="Another master"):
            following(guest(other), [], turn)


def test_a_signal_ends_the_waiting(lobby: Lobby) -> None:
    lobby.invite(JOB)
    turn = first_turn(guest(lobby), [])
    with pytest.raises(NoMasterError, match="Stopped by SIGTERM after step 1"):
        following(guest(lobby), [15], turn)
