"""A hundred endpoints at once: few calls, none refused, no write without a change, none left at the end."""

from typing import Any

COUNT = 100


def test_a_hundred_endpoints_at_once(
    ns: Any, account: Any, local: Any, start: Any, scale: Any, release: Any, eventually: Any, passes_of: Any
) -> None:
    operator = start(sweep_in_motion_seconds=1, drift_seconds=3600, parts_seconds=600, look_in_motion_seconds=15)
    assert operator.url
    role = {"executionRoleARN": f"arn:aws:iam::{account.id}:role/serving"}
    scale.create([f"e{number}" for number in range(COUNT)], {**release(1), **role})
    eventually(lambda: scale.synced() == COUNT, "all to be Synced", 120)

    calls = local.by_operator(account.id)
    own = [call for call in calls if not call["operation"].startswith("List")]
    assert len(own) <= 4.2 * COUNT, "three creations and one look each; a sweep in mid-creation can add a look"
    assert len(calls) <= 5 * COUNT
    assert [call for call in calls if call["outcome"] != "ok"] == []

    before = {body["metadata"]["name"]: body["metadata"]["resourceVersion"] for body in scale.objects()}
    settled = passes_of(operator)
    sweeps = len(local.calls(account.id, "ListEndpoints"))
    eventually(lambda: len(local.calls(account.id, "ListEndpoints")) >= sweeps + 4, what="some more sweeps")
    assert passes_of(operator) == settled, "a sweep that shows nothing new wakes nobody"
    assert {body["metadata"]["name"]: body["metadata"]["resourceVersion"] for body in scale.objects()} == before
    later = local.by_operator(account.id)[len(calls) :]
    assert {call["operation"] for call in later} <= {"ListEndpoints"}

    scale.delete()
    eventually(lambda: scale.objects() == [], "all to be gone", 120)
    assert account.names() == {"endpoints": [], "configs": [], "models": []}


def test_a_change_outside_is_noticed_by_the_next_sweep(
    ns: Any, account: Any, local: Any, start: Any, release: Any, eventually: Any
) -> None:
    """With an hour between looks at a steady endpoint, only the sweep can have seen it."""
    assert start(drift_seconds=3600).url
    ns.apply(release(1))
    ns.wait("Synced")
    account.sagemaker.delete_endpoint(EndpointName=f"{ns.name}-fraud")
    eventually(lambda: local.changes(account.id).count("CreateEndpoint") == 2)
    ns.wait("Synced")
