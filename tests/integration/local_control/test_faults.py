"""The admin API: calls are counted, faults strike where they should, limits throttle."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

ECHO = {"Image": "local://echo"}


def create(world: Any, name: str) -> str:
    found: str = world.sagemaker.create_model(ModelName=name, PrimaryContainer=ECHO)["ModelArn"]
    return found


def exists(world: Any, name: str) -> bool:
    try:
        world.sagemaker.describe_model(ModelName=name)
    except ClientError:
        return False
    return True


def outcome(call: Callable[[], Any]) -> str:
    """ "ok", or status, code and message of the refusal."""
    try:
        call()
    except ClientError as refusal:
        reply = refusal.response
        return f"{reply['ResponseMetadata']['HTTPStatusCode']} {reply['Error']['Code']} {reply['Error']['Message']}"
    return "ok"


def test_calls_are_logged_with_outcome_name_and_caller(world: Any) -> None:
    world.local.admin("DELETE", "calls")
    name = f"{world.prefix}-logged"
    create(world, name)
    with pytest.raises(ClientError):
        create(world, name)
    world.local.client("sts", "444455556666").get_caller_identity()
    with pytest.raises(ClientError):
        world.local.client("logs").describe_log_streams(logGroupName="none")
    calls = world.local.admin("GET", "calls")
    assert [(each["operation"], each["account"], each["region"], each["outcome"], each["name"]) for each in calls] == [
        ("CreateModel", "111122223333", "eu-west-1", "ok", name),
        ("CreateModel", "111122223333", "eu-west-1", "ValidationException", name),
        ("GetCallerIdentity", "444455556666", "eu-west-1", "ok", ""),
        ("DescribeLogStreams", "111122223333", "eu-west-1", "ResourceNotFoundException", ""),
    ]
    assert all("Boto3" in each["userAgent"] and abs(each["time"] - time.time()) < 3600 for each in calls)
    first = calls[0]["number"]
    assert world.local.admin("GET", f"calls?operation=CreateModel&name={name}&since={first}") == [calls[1]]
    summary = world.local.admin("GET", "calls/summary")
    assert summary["CreateModel"] == {"ok": 1, "ValidationException": 1}
    assert world.local.admin("DELETE", "calls") == {}
    assert world.local.admin("GET", "calls") == []


@pytest.mark.parametrize(("when", "applied"), [("before", False), ("after", True)])
def test_a_lost_reply_is_seen_as_a_closed_connection(world: Any, when: str, applied: bool) -> None:
    name = f"{world.prefix}-lost"
    with world.local.fault(operation="CreateModel", name=name, when=when, effect={"drop": True}):
        create(world, f"{name}-other")
        with pytest.raises(ConnectionClosedError):
            create(world, name)
    assert exists(world, name) is applied
    (call,) = world.local.admin("GET", f"calls?operation=CreateModel&name={name}")
    assert call["outcome"] == ("ok" if applied else "Dropped")
    if not applied:
        create(world, name)


@pytest.mark.parametrize(("when", "applied"), [("before", False), ("after", True)])
def test_a_process_is_killed_at_an_operation(world: Any, when: str, applied: bool) -> None:
    name = f"{world.prefix}-kill"
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with world.local.fault(operation="*", name=name, when=when, effect={"kill": victim.pid}):
            with pytest.raises(ConnectionClosedError):
                create(world, name)
            assert victim.wait(30) == -9
    finally:
        victim.kill()
        victim.wait()
    assert exists(world, name) is applied


def test_an_error_strikes_as_often_as_it_was_asked_to(world: Any) -> None:
    error = {"code": "AccessDeniedException", "message": "not authorized to perform sagemaker:CreateModel"}
    fault = {"operation": "CreateModel", "when": "before", "times": 2, "effect": {"error": error | {"status": 403}}}
    name = f"{world.prefix}-error"
    with world.local.fault(**fault):
        for _ in range(2):
            with pytest.raises(ClientError) as caught:
                create(world, name)
            assert caught.value.response["Error"] == {"Code": error["code"], "Message": error["message"]}
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        create(world, name)


def test_a_fault_without_times_stays_until_it_is_removed(world: Any) -> None:
    effect = {"error": {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}}
    number = world.local.admin(
        "POST", "faults", {"operation": "ListModels", "when": "before", "times": None, "effect": effect}
    )["id"]
    shown = {"id": number, "times": None, "operation": "ListModels", "name": None, "when": "before", "effect": effect}
    assert world.local.admin("GET", f"faults/{number}") == shown
    assert shown in world.local.admin("GET", "faults")
    for _ in range(3):
        with pytest.raises(ClientError, match="Rate exceeded"):
            world.sagemaker.list_models()
    world.local.admin("DELETE", f"faults/{number}")
    world.sagemaker.list_models()
    assert world.local.admin_error("DELETE", f"faults/{number}")[0] == 404


def test_a_delay_holds_the_operation_back(world: Any) -> None:
    with world.local.fault(operation="ListModels", when="before", effect={"delaySeconds": 0.3}):
        start = time.monotonic()
        world.sagemaker.list_models()
    assert time.monotonic() - start >= 0.3


def test_an_endpoints_next_creation_fails_with_the_reason_given(world: Any) -> None:
    reason = "Request to service failed. If failure persists after retry, contact customer support."
    config = world.config("config", world.model("model"))
    with world.local.fault(endpoint=world.endpoint, failure=reason):
        found = world.create(config)
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Failed", reason)
    world.delete()
    assert world.create(config)["EndpointStatus"] == "InService"


def test_a_deletion_can_be_stuck(world: Any) -> None:
    world.create(world.config("config", world.model("model")))
    with world.local.fault(endpoint=world.endpoint, stuckDeletingSeconds=1.0):
        start = time.monotonic()
        world.sagemaker.delete_endpoint(EndpointName=world.endpoint)
        assert world.describe()["EndpointStatus"] == "Deleting"
        with pytest.raises(ClientError, match="Cannot update in-progress"):
            world.sagemaker.delete_endpoint(EndpointName=world.endpoint)
        world.sagemaker.get_waiter("endpoint_deleted").wait(
            EndpointName=world.endpoint, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
        )
    assert time.monotonic() - start >= 1.0


def test_more_calls_than_allowed_are_throttled_per_operation_and_account(world: Any) -> None:
    world.local.admin("POST", "limits", {"callsPerSecond": 2})
    try:
        assert world.local.admin("GET", "limits") == {"callsPerSecond": 2}
        outcomes = [outcome(world.sagemaker.list_models) for _ in range(8)]
        assert outcomes[:2] == ["ok", "ok"]
        assert "400 ThrottlingException Rate exceeded" in outcomes
        world.local.client("sagemaker", "444455556666").list_models()
        world.sagemaker.list_endpoint_configs()
    finally:
        world.local.admin("POST", "limits", {"callsPerSecond": None})
    for _ in range(5):
        world.sagemaker.list_models()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "faults", {}, 400, 'operation must be an operation such as CreateEndpoint, or "*"'),
        ("POST", "faults", [], 400, "a fault must be a JSON object"),
        ("POST", "faults", {"operation": "*", "effect": {"explode": 1}}, 400, "effect has the unknown field explode"),
        ("POST", "faults", {"operation": "*", "effect": {"kill": 0}}, 400, "kill must be a process id above 1"),
        ("POST", "faults", {"endpoint": "e"}, 400, "exactly one of failure and stuckDeletingSeconds"),
        ("POST", "faults", {"operation": "*", "wen": "before"}, 400, "unknown field wen"),
        ("POST", "limits", {"callsPerSecond": 0}, 400, "callsPerSecond must be a number above 0"),
        ("GET", "calls?since=x", None, 400, "since must be the number of a call"),
        ("GET", "nothing", None, 404, "GET /_local/nothing is not served"),
    ],
)
def test_a_bad_admin_request_is_told_what_is_wrong(
    local: Any, method: str, path: str, body: object, status: int, message: str
) -> None:
    found, said = local.admin_error(method, path, body)
    assert found == status
    assert message in said


def test_web_pages_are_kept_out_of_the_admin_api(local: Any) -> None:
    request = urllib.request.Request(f"{local.url}/_local/faults", b"{}", {"Origin": "http://example.com"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as error:
        assert error.code == 403
