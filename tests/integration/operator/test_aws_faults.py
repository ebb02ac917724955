"""AWS is away, slow, full or refuses: a condition says so, it is tried again, and nothing is lost or made twice."""

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., dict[str, Any]]
NOTHING = {"endpoints": [], "configs": [], "models": []}
CREATE = ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]


@pytest.mark.parametrize("operation", [*CREATE, "DescribeEndpoint", "ListEndpoints", "ListModels"])
def test_throttling_is_waited_out(ns: Any, account: Any, local: Any, start: Any, release: Make, operation: str) -> None:
    throttled = {"error": {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}}
    local.fault(operation=operation, when="before", effect=throttled, times=3)
    assert start().url
    ns.apply(release(1))
    ns.wait("Synced")
    assert local.changes(account.id) == CREATE
    assert [call["outcome"] for call in local.calls(account.id, operation)].count("ThrottlingException") == 3


@pytest.mark.parametrize(
    ("code", "message", "reason", "said"),
    [
        ("AccessDeniedException", "not allowed: sagemaker:CreateEndpoint", "AccessDenied", "sagemaker:C"),
        ("ResourceLimitExceeded", "The account-level service limit is 0", "QuotaExceeded", "limit is 0"),
        ("ValidationException", "Endpoint features are not supported", "InvalidSpec", "not supported"),
    ],
)  # fmt: skip
def test_what_a_person_must_mend_stalls_and_goes_on_once_mended(
    ns: Any, account: Any, local: Any, operator: Any, release: Make, code: str, message: str, reason: str, said: str
) -> None:
    effect = {"error": {"code": code, "message": message, "status": 400}}
    local.fault(operation="CreateEndpoint", when="before", effect=effect, times=None)
    ns.apply(release(1))
    assert ns.wait("Stalled", reason=reason)
    failure = ns.status()["failure"]
    assert said in failure["message"]
    assert failure["hint"]
    local.remove_faults()
    ns.wait("Synced")
    assert local.changes(account.id) == CREATE


def test_a_role_that_is_new_is_waited_for(ns: Any, account: Any, local: Any, operator: Any, release: Make) -> None:
    effect = {"error": {"code": "ValidationException", "message": "Could not assume role arn:x", "status": 400}}
    local.fault(operation="CreateModel", when="before", effect=effect, times=3)
    ns.apply(release(1))
    ns.wait("Synced")
    assert not any(event == "AccessDenied" for event in ns.events())


def test_without_credentials_it_says_so(ns: Any, account: Any, start: Any, release: Make) -> None:
    environment = {"AWS_ENDPOINT_URL": account.url, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}
    assert start(environment={**environment, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}).url
    ns.apply(release(1))
    ns.wait("Synced", "False", "CredentialsMissing")
    assert ns.condition("Stalled")["status"] == "False"


def test_a_token_is_enough_and_its_keys_are_renewed(
    ns: Any, account: Any, local: Any, start: Any, release: Make, irsa: dict[str, str]
) -> None:
    """As IRSA: no key in the environment. boto3 renews keys ten minutes before their end, and these have less."""
    assert start(environment=irsa).url
    ns.apply(release(1))
    ns.wait("Synced")
    assert local.changes(account.id) == CREATE
    exchanged = local.calls(account.id, "AssumeRoleWithWebIdentity")
    assert len(exchanged) > 1
    assert {call["outcome"] for call in exchanged} == {"ok"}


def test_aws_away_at_the_start_is_told_and_overcome(
    ns: Any, account: Any, start: Any, release: Make, relay: Any
) -> None:
    relay.close()
    assert start(environment={**account.environment, "AWS_ENDPOINT_URL": relay.url}).url
    ns.apply(release(1))
    ns.wait("Synced", "False", "AWSUnreachable")
    relay.open()
    ns.wait("Synced")


def test_aws_away_later_leaves_ready_as_it_was(
    ns: Any, account: Any, local: Any, start: Any, release: Make, relay: Any
) -> None:
    assert start(environment={**account.environment, "AWS_ENDPOINT_URL": relay.url}).url
    ns.apply(release(1))
    ns.wait("Synced")
    relay.close()
    ns.wait("Synced", "False", "AWSUnreachable")
    assert ns.condition("Ready")["status"] == "True"
    ns.apply(release(2))
    ns.wait("Synced", "False", "AWSUnreachable")
    relay.open()
    ns.wait("Synced")
    assert local.changes(account.id).count("UpdateEndpoint") == 1


@pytest.mark.parametrize(
    "operation",
    [
        *CREATE,
        "UpdateEndpoint",
        "UpdateEndpointWeightsAndCapacities",
        "AddTags",
        "DeleteTags",
        "DeleteEndpoint",
        "DeleteEndpointConfig",
        "DeleteModel",
    ],
)
def test_a_lost_reply_makes_nothing_twice(
    ns: Any, account: Any, local: Any, operator: Any, release: Make, eventually: Any, operation: str
) -> None:
    """Carried out, and the connection closed without an answer: once in a creation, two changes and a deletion."""
    local.fault(operation=operation, when="after", effect={"drop": True}, times=1)
    ns.apply(release(1, tags={"team": "a", "cost": "b"}))
    ns.wait("Synced")
    ns.apply(release(2, count=2, tags={"team": "c"}))
    ns.wait("Synced")
    ns.apply(release(2, count=1, tags={"team": "c"}))
    ns.wait("Synced")
    eventually(lambda: [len(names) for names in account.names().values()] == [1, 1, 1])
    ns.delete()
    assert account.names() == NOTHING
    made = local.changes(account.id)
    assert made.count("CreateEndpoint") == 1
    assert made.count("UpdateEndpoint") == 1
    assert made.count("CreateModel") == made.count("CreateEndpointConfig") == 2


def test_the_budget_is_kept(ns: Any, account: Any, local: Any, start: Any, release: Make) -> None:
    """With the service's limit as the budget next to nothing is throttled, and the calls come as fast as it allows."""
    local.limit(5)
    assert start(aws_calls_per_second=5).url
    names = [f"e{number}" for number in range(25)]
    for name in names:
        ns.apply(release(1), name)
    for name in names:
        ns.wait("Ready", name=name)
    calls = local.calls(account.id)
    throttled = sum(call["outcome"] == "ThrottlingException" for call in calls)
    assert throttled <= len(calls) / 20, f"{throttled} of {len(calls)} calls"
    times = sorted(call["time"] for call in local.calls(account.id, "CreateEndpoint"))
    windows = [sum(at <= other < at + 1 for other in times) for at in times]
    assert max(windows) <= 10, "never more than a second's burst above the rate"
