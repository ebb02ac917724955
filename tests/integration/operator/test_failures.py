"""What can go wrong with a model: said in words, with the container's lines, and mended by the next apply."""

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., dict[str, Any]]
XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def bad(kind: str, account: Any, variant: Make) -> dict[str, Any]:
    container = {
        "missing archive": {"image": XGBOOST, "url": f"s3://{account.bucket}/nothing.tar.gz"},
        "broken archive": {"image": XGBOOST, "url": account.put("broken.tar.gz", b"PK\3\4 no tar")},
        "silent server": {"image": "test/silent:1"},
        "broken server": {"image": "test/broken:1"},
        "unknown image": {"image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/churn:1"},
    }[kind]
    return {"variants": [variant(**container)]}


CAUSES = [
    ("missing archive", "ModelDataError", "not there", ""),
    ("broken archive", "ModelDataError", "cannot be unpacked", ""),
    ("silent server", "HealthCheckFailed", "never answered GET /ping", "waiting"),
    ("broken server", "HealthCheckFailed", "never answered GET /ping", "ValueError: no such column"),
    ("unknown image", "ImageError", "does not exist", ""),
]


@pytest.mark.parametrize(("kind", "reason", "words", "line"), CAUSES, ids=[cause[0] for cause in CAUSES])
def test_a_first_creation_that_fails_says_why_and_the_next_apply_mends_it(
    ns: Any,
    account: Any,
    local: Any,
    operator: Any,
    variant: Make,
    eventually: Any,
    kind: str,
    reason: str,
    words: str,
    line: str,
) -> None:
    ns.apply(bad(kind, account, variant))
    stalled = ns.wait("Stalled")
    assert stalled["reason"] == reason
    assert ns.condition("Ready")["status"] == "False"
    failure = ns.status()["failure"]
    assert (failure["class"], words in failure["message"]) == (reason, True), failure
    assert failure["hint"]
    if line:
        assert line in " ".join(failure["logExcerpt"])
        assert len(failure["logExcerpt"]) <= 20
    assert local.changes(account.id).count("CreateEndpoint") == 1, "the same would fail again"
    ns.apply({"variants": [variant()]})
    ns.wait("Synced")
    assert "failure" not in ns.status()
    eventually(lambda: [len(names) for names in account.names().values()] == [1, 1, 1])
    assert ns.told("InService")[:2] == ["CreateStarted", reason]


@pytest.mark.parametrize(("kind", "reason", "words", "line"), CAUSES, ids=[cause[0] for cause in CAUSES])
def test_an_update_that_fails_is_a_rollback_and_the_old_revision_serves_on(
    ns: Any,
    account: Any,
    local: Any,
    operator: Any,
    variant: Make,
    eventually: Any,
    kind: str,
    reason: str,
    words: str,
    line: str,
) -> None:
    ns.apply({"variants": [variant()]})
    ns.wait("Synced")
    good = ns.status()["revisions"]["active"]
    ns.apply(bad(kind, account, variant))
    assert ns.wait("RolledBack")["reason"] == reason
    assert ns.wait("Stalled")["reason"] == "RolledBack"
    assert ns.condition("Ready")["status"] == "True"
    assert ns.condition("Synced")["reason"] == "RolledBack"
    status = ns.status()
    assert status["revisions"]["active"] == good
    assert status["revisions"]["lastFailed"]["class"] == reason
    assert words in status["failure"]["message"]
    assert line in " ".join(status["failure"].get("logExcerpt", ()))
    assert status["summary"]["status"] == "RolledBack"
    assert account.invoke(f"{ns.name}-fraud", "hello")[0] == "hello"
    ns.apply({"variants": [variant()]})
    ns.wait("Synced")
    assert not ns.condition("RolledBack")
    assert local.changes(account.id).count("UpdateEndpoint") == 1, "going back needs no update"
    eventually(lambda: [len(names) for names in account.names().values()] == [1, 1, 1])
    events = ["CreateStarted", "InService", "UpdateStarted", "RolledBack"]
    assert ns.told(*events) == events


def test_a_rollback_without_a_reason_is_seen_too_and_tried_again_only_when_asked(
    ns: Any, account: Any, local: Any, operator: Any, release: Make, passes: Callable[..., int]
) -> None:
    ns.apply(release(1))
    ns.wait("Synced")
    local.fault(endpoint=f"{ns.name}-fraud", failure="")
    ns.apply(release(2))
    ns.wait("RolledBack")
    assert "no reason" in ns.status()["failure"]["message"]
    passes(passes() + 3)
    assert local.changes(account.id).count("UpdateEndpoint") == 1
    ns.kubectl("annotate", "sme", "fraud", "sagemaker-operator.io/retry=once")
    ns.wait("Synced")
    assert ns.status()["lastHandledRetry"] == "once"
    assert local.changes(account.id).count("UpdateEndpoint") == 2


def test_a_passing_cause_is_tried_again_by_itself(
    ns: Any, account: Any, local: Any, operator: Any, release: Make
) -> None:
    reason = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
    local.fault(endpoint=f"{ns.name}-fraud", failure=reason, times=2)
    ns.apply(release(1))
    ns.wait("Synced")
    assert local.changes(account.id).count("CreateEndpoint") == 3
    assert ns.told("InService").count("Recreating") == 2


def test_a_spec_edited_during_an_update_waits_and_the_last_one_wins(
    ns: Any, account: Any, local: Any, operator: Any, release: Make, eventually: Any
) -> None:
    ns.apply(release(1))
    ns.wait("Synced")
    for number in (2, 3, 4, 5):
        ns.apply(release(number))
    ns.wait("Synced")
    [model] = eventually(lambda: names if len(names := account.names()["models"]) == 1 else None)
    assert account.sagemaker.describe_model(ModelName=model)["PrimaryContainer"]["Environment"] == {"RELEASE": "5"}
    assert 1 <= local.changes(account.id).count("UpdateEndpoint") <= 3


def test_deleted_while_creating_it_waits_says_so_and_leaves_nothing(
    ns: Any, account: Any, local: Any, operator: Any, variant: Make, eventually: Any
) -> None:
    ns.apply({"variants": [variant(image="test/silent:1")]})
    eventually(lambda: account.names()["endpoints"])
    ns.delete(wait=False)
    blocked = ns.wait("DeletionBlocked", reason="EndpointBusy")
    assert "AWS bills for" in blocked["message"]
    eventually(lambda: ns.get() is None)
    assert account.names() == {"endpoints": [], "configs": [], "models": []}
    ns.told("DeletionBlocked", "Deleted")


def test_a_namespace_goes_with_its_endpoints(
    ns: Any, account: Any, operator: Any, release: Make, eventually: Any
) -> None:
    ns.apply(release(1))
    ns.wait("Synced")
    ns.cluster.kubectl("delete", "namespace", ns.name, "--wait=false")
    eventually(lambda: account.names() == {"endpoints": [], "configs": [], "models": []})
    gone = ("get", "namespace", ns.name, "--ignore-not-found")
    eventually(lambda: ns.cluster.kubectl(*gone).stdout == "", what="the namespace to be gone")


def test_environment_values_stay_out_of_status_events_and_logs(
    ns: Any, account: Any, operator: Any, variant: Make
) -> None:
    secret = "hunter2-very-secret"
    container = {"image": "test/broken:1", "environment": {"PASSWORD": secret}}
    ns.apply({"variants": [variant(**container)]})
    ns.wait("Stalled")
    ns.delete()
    ns.told("Deleted")
    assert secret not in ns.kubectl("get", "events", "-o", "yaml")
    assert secret not in operator.log.read_text()
