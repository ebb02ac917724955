"""Keys that STS gives out: to a token instead of keys, for a time, and known again after a restart."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

ACCOUNT, REGION = "111122223333", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/operator"


@pytest.fixture
def irsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A session of boto3 that finds what the webhook of EKS puts into a pod, and no keys."""

    def session(url: str) -> Any:
        (tmp_path / "token").write_text("header.claims.signature")
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            monkeypatch.delenv(name)
        found = {
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ROLE_ARN": ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        for name, value in found.items():
            monkeypatch.setenv(name, value)
        return boto3.session.Session()

    return session


def assumed(local: Any) -> str:
    """A new access key of the role."""
    sts = local.client("sts", "444455556666")
    return str(sts.assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]["AccessKeyId"])


def code_of(call: Any, **members: Any) -> str:
    try:
        call(**members)
    except ClientError as error:
        return f"{error.response['Error']['Code']} {error.response['ResponseMetadata']['HTTPStatusCode']}"
    return "ok"


def test_a_token_instead_of_keys_acts_in_its_roles_account(world: Any, irsa: Any) -> None:
    world.create(world.config("config", world.model("model")))
    session = irsa(world.local.url)
    runtime = session.client("sagemaker-runtime")
    assert runtime.invoke_endpoint(EndpointName=world.endpoint, Body=b"hello")["Body"].read() == b"hello"
    found = session.client("sagemaker").describe_endpoint(EndpointName=world.endpoint)
    assert f":{ACCOUNT}:" in found["EndpointArn"]
    identity = session.client("sts").get_caller_identity()
    assert identity["Account"] == ACCOUNT
    assert f":{ACCOUNT}:assumed-role/operator/" in identity["Arn"]
    calls = [each for each in world.local.admin("GET", "calls") if each["operation"] == "AssumeRoleWithWebIdentity"]
    assert {(each["account"], each["outcome"]) for each in calls} == {(ACCOUNT, "ok")}


@pytest.mark.parametrize(
    "body", [b"", b"Action=AssumeRole&RoleArn=x", b"Action=AssumeRoleWithWebIdentity&RoleArn=&Version=2011-06-15"]
)
def test_other_calls_without_keys_bring_nothing_down(local: Any, body: bytes) -> None:
    before = len(local.admin("GET", "calls"))
    request = urllib.request.Request(local.url, body, {"Content-Type": "application/x-www-form-urlencoded"})
    try:
        with urllib.request.urlopen(request) as reply:
            reply.read()
    except urllib.error.HTTPError as error:
        error.close()
    logged = local.admin("GET", "calls")[before:]
    assert [each["operation"] for each in logged] == ["AssumeRoleWithWebIdentity"] * (b"WebIdentity" in body)
    assert local.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_a_key_is_good_as_soon_as_it_is_there(world: Any) -> None:
    world.create(world.config("config", world.model("model")))
    for _ in range(20):
        runtime = world.local.client("sagemaker-runtime", assumed(world.local))
        assert runtime.invoke_endpoint(EndpointName=world.endpoint, Body=b"hello")["Body"].read() == b"hello"


def test_a_key_expires_everywhere_and_that_outlives_a_restart(start: Any, tmp_path: Path) -> None:
    folder = ("--state-dir", str(tmp_path / "state"))
    with start(*folder, "--role-session-seconds", "1") as local:
        sagemaker = local.client("sagemaker", key := assumed(local))
        runtime = local.client("sagemaker-runtime", key)
        assert sagemaker.list_endpoints()["Endpoints"] == []
        assert code_of(runtime.invoke_endpoint, EndpointName="none", Body=b"") == "ValidationError 400"
        expired = "ExpiredTokenException 403"
        local.until(lambda: code_of(sagemaker.list_endpoints) == expired, "the key's end")
        assert code_of(runtime.invoke_endpoint, EndpointName="none", Body=b"") == expired
        place = {"EndpointName": "none", "InputLocation": "s3://models/input"}
        assert code_of(runtime.invoke_endpoint_async, **place) == expired
        scaling = local.client("application-autoscaling", key)
        assert code_of(scaling.describe_scalable_targets, ServiceNamespace="sagemaker") == expired
        assert code_of(local.client("sagemaker", assumed(local)).list_endpoints) == "ok"
        assert code_of(local.client("sagemaker").list_endpoints) == "ok"
    with start(*folder) as local:
        assert code_of(local.client("sagemaker", key).list_endpoints) == expired
        assert code_of(local.client("sagemaker-runtime", key).invoke_endpoint, EndpointName="none", Body=b"") == expired


def test_a_key_acts_in_its_account_after_a_restart(start: Any, tmp_path: Path) -> None:
    folder = ("--state-dir", str(tmp_path / "state"))
    with start(*folder) as local:
        key = assumed(local)
        local.client("sagemaker").create_model_package_group(ModelPackageGroupName="ours")
    with start(*folder) as local:
        groups = local.client("sagemaker", key).list_model_package_groups()["ModelPackageGroupSummaryList"]
        assert [each["ModelPackageGroupName"] for each in groups] == ["ours"]
        assert local.client("sts", key).get_caller_identity()["Account"] == ACCOUNT, "moto has forgotten the key"


def test_boto3_renews_a_tokens_keys(start: Any, irsa: Any) -> None:
    with start("--role-session-seconds", "1") as local:
        session = irsa(local.url)
        sagemaker, credentials = session.client("sagemaker"), session.get_credentials()
        keys, first = set(), credentials.get_frozen_credentials().access_key

        def first_has_expired() -> bool:
            assert sagemaker.list_endpoints()["Endpoints"] == []
            keys.add(credentials.get_frozen_credentials().access_key)
            return code_of(local.client("sagemaker", first).list_endpoints).startswith("ExpiredToken")

        local.until(first_has_expired, "the first key's end")
        assert keys - {first}
