"""The operator is killed (SIGKILL, by local SageMaker itself) before or after each changing call, and started anew."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., dict[str, Any]]
NOTHING = {"endpoints": [], "configs": [], "models": []}
KILLED = -signal.SIGKILL
OPERATIONS = [
    ("create", "CreateModel"),
    ("create", "CreateEndpointConfig"),
    ("create", "CreateEndpoint"),
    ("update", "CreateModel"),
    ("update", "CreateEndpointConfig"),
    ("update", "UpdateEndpoint"),
    ("update", "AddTags"),
    ("update", "DeleteEndpointConfig"),
    ("update", "DeleteModel"),
    ("scale", "UpdateEndpointWeightsAndCapacities"),
    ("delete", "DeleteEndpoint"),
    ("delete", "DeleteEndpointConfig"),
    ("delete", "DeleteModel"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("phase", "operation"), OPERATIONS, ids=[f"{p}-{o}" for p, o in OPERATIONS])
def test_killed_around_a_call_it_converges_to_one_endpoint_and_no_orphan(
    ns: Any, account: Any, local: Any, start: Any, release: Make, eventually: Any, phase: str, operation: str, when: str
) -> None:
    first = start()
    assert first.url
    if phase != "create":
        ns.apply(release(1))
        ns.wait("Synced")
    local.fault(operation=operation, when=when, effect={"kill": first.pid}, times=1)
    if phase == "delete":
        ns.delete(wait=False)
    else:
        ns.apply(release(2 if phase == "update" else 1, count=2 if phase == "scale" else 1))
    assert first.wait() == KILLED

    second = start()
    assert second.url
    if phase == "delete":
        ns.delete()
        assert account.names() == NOTHING
        assert ns.told("Deleted").count("Deleted") == 1
        return
    ns.wait("Synced")
    eventually(lambda: [len(names) for names in account.names().values()] == [1, 1, 1], what="one of each to be left")
    made = local.changes(account.id)
    assert made.count("CreateEndpoint") == 1
    assert made.count("UpdateEndpoint") == (phase == "update")
    assert made.count("UpdateEndpointWeightsAndCapacities") == (phase == "scale")
    ns.delete()
    assert account.names() == NOTHING


def test_two_operators_make_each_change_once(
    ns: Any, account: Any, local: Any, start: Any, release: Make, eventually: Any
) -> None:
    operators = [start(), start()]
    eventually(lambda: any(op.ready for op in operators), what="one of them to lead")
    for number in range(1, 4):
        ns.apply(release(number))
        ns.wait("Synced")
    leader = next(op for op in operators if op.ready)
    standby = next(op for op in operators if op is not leader)
    assert not standby.ready, "only one leads"
    assert leader.stop() == 0
    assert standby.url, "the other one takes over"
    ns.apply(release(3, count=2))
    ns.wait("Synced")
    made = local.changes(account.id)
    assert made.count("CreateEndpoint") == 1
    assert made.count("CreateModel") == made.count("CreateEndpointConfig") == 3
    assert made.count("UpdateEndpoint") == 2
    assert made.count("UpdateEndpointWeightsAndCapacities") == 1


def test_an_operator_that_loses_the_lease_ends(ns: Any, start: Any, eventually: Any) -> None:
    operator = start()
    assert operator.url
    thief = '{"spec":{"holderIdentity":"somebody-else","leaseDurationSeconds":3600}}'
    lease = ("-n", "sagemaker-operator", "patch", "lease", "sagemaker-operator", "--type=merge", "-p", thief)
    ns.cluster.kubectl(*lease)
    try:
        assert operator.wait() == 1
        assert "Lease sagemaker-operator is lost" in operator.log.read_text()
    finally:
        ns.cluster.kubectl("-n", "sagemaker-operator", "delete", "lease", "sagemaker-operator")


def test_stopped_politely_it_frees_the_lease_and_exits_with_0(ns: Any, start: Any) -> None:
    operator = start(lease_seconds=60)
    assert operator.url
    assert operator.stop(signal.SIGTERM) == 0
    assert start(lease_seconds=60).url, "a minute is not waited for"
