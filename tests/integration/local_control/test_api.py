"""The API as unchanged clients see it: errors, lists, tags, accounts, and what it refuses."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:sagemaker:eu-west-1:111122223333"
VARIANT = {"VariantName": "a", "ModelName": "none", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def refused(call: Any, **fields: Any) -> tuple[str, str]:
    """Code and message of the refusal."""
    with pytest.raises(ClientError) as caught:
        call(**fields)
    error = caught.value.response["Error"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["ResponseMetadata"]["RequestId"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("call", "kind", "arn"),
    [
        ("describe_endpoint", "endpoint", "endpoint/none"),
        ("delete_endpoint", "endpoint", "endpoint/none"),
        ("describe_endpoint_config", "endpoint configuration", "endpoint-config/none"),
        ("delete_endpoint_config", "endpoint configuration", "endpoint-config/none"),
        ("describe_model", "model", "model/none"),
        ("delete_model", "model", "model/none"),
    ],
)
def test_what_is_absent_is_said_to_be(world: Any, call: str, kind: str, arn: str) -> None:
    field = {"endpoint": "EndpointName", "endpoint configuration": "EndpointConfigName", "model": "ModelName"}[kind]
    code, message = refused(getattr(world.sagemaker, call), **{field: "none"})
    assert (code, message) == ("ValidationException", f'Could not find {kind} "{ARN}:{arn}".')


def test_references_must_exist(world: Any) -> None:
    sagemaker = world.sagemaker
    _, message = refused(sagemaker.create_endpoint_config, EndpointConfigName="x", ProductionVariants=[VARIANT])
    assert message.startswith(f'Could not find model "{ARN}:model/none"')
    _, message = refused(sagemaker.create_endpoint, EndpointName="x", EndpointConfigName="none")
    assert message.startswith(f'Could not find endpoint configuration "{ARN}:endpoint-config/none"')
    world.create(world.config("config", world.model("model")))
    _, message = refused(sagemaker.update_endpoint, EndpointName=world.endpoint, EndpointConfigName="none")
    assert message.startswith("Could not find endpoint configuration")


def test_names_are_taken_until_their_resource_is_gone_and_in_any_case(world: Any) -> None:
    sagemaker, model = world.sagemaker, world.model("model")
    config = world.config("config", model)
    world.create(config)
    code, message = refused(sagemaker.create_model, ModelName=model, PrimaryContainer={"Image": "local://echo"})
    assert (code, message) == ("ValidationException", f'Cannot create already existing model "{ARN}:model/{model}".')
    variant = VARIANT | {"ModelName": model}
    _, message = refused(sagemaker.create_endpoint_config, EndpointConfigName=config, ProductionVariants=[variant])
    assert message.startswith("Cannot create already existing endpoint configuration")
    name = world.endpoint.upper()
    _, message = refused(sagemaker.create_endpoint, EndpointName=name, EndpointConfigName=config)
    assert message == f'Cannot create already existing endpoint "{ARN}:endpoint/{world.endpoint}".'
    assert refused(sagemaker.describe_endpoint, EndpointName=name)[1].startswith("Could not find endpoint")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Exactly one of PrimaryContainer and Containers must be set."),
        ({"PrimaryContainer": {}}, "A container needs Image, the URI of what serves the model."),
        (
            {"PrimaryContainer": {"Image": "i", "Environment": {"A": "a\0b"}}},
            "Environment variable A has a NUL character, which no process can be given; remove it.",
        ),
        (
            {"PrimaryContainer": {"Image": "i"}, "Containers": [{"Image": "i"}]},
            "Exactly one of PrimaryContainer and Containers must be set.",
        ),
        (
            {"PrimaryContainer": {"Image": "i", "ModelDataUrl": "ftp://b"}},
            "1 validation error detected: Value 'ftp://b' at 'primaryContainer.modelDataUrl' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: (https|s3)://([^/]+)/?(.*)",
        ),
        (
            {"PrimaryContainer": {"Image": "i", "Mode": "Many"}, "ExecutionRoleArn": "arn:aws:iam::1:role/serving"},
            "2 validation errors detected: Value 'Many' at 'primaryContainer.mode' failed to satisfy constraint: "
            "Member must satisfy enum value set: [SingleModel, MultiModel]; Value 'arn:aws:iam::1:role/serving' at "
            "'executionRoleArn' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            r"arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
        ),
        (
            {"PrimaryContainer": {"Image": "i", "MultiModelConfig": {}}},
            "MultiModelConfig is for containers whose Mode is MultiModel; leave it out.",
        ),
        (
            {"Containers": [{"Image": "i"}, {"Image": "j", "Mode": "MultiModel", "ModelDataUrl": "s3://b/"}]},
            "Local SageMaker does not implement a multi-model container beside other containers yet; leave it out.",
        ),
        ({"PrimaryContainer": {"Image": "i", "Environment": {"A": "x" * 1000, "B": "y" * 1024} | {
            f"C{n}": "z" * 1024 for n in range(31)}}}, "The Environment of all containers has more than 32768 bytes."),
    ],
)  # fmt: skip
def test_a_model_that_sagemaker_refuses_is_refused(world: Any, fields: dict[str, Any], message: str) -> None:
    code, said = refused(world.sagemaker.create_model, ModelName=f"{world.prefix}-refused", **fields)
    assert (code, said) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}, "needs either InstanceType with"),
        ({"InstanceType": None}, "needs either InstanceType with"),
        ({"InitialInstanceCount": None}, "needs InitialInstanceCount"),
        ({"InitialInstanceCount": 0}, "Member must have value greater than or equal to 1"),
        ({"InitialVariantWeight": -1.0}, "Member must have value greater than or equal to 0"),
        ({"InstanceType": "m5.large"}, "'m5.large' at 'productionVariants.1.member.instanceType'"),
        ({"VariantName": "a_b"}, "'a_b' at 'productionVariants.1.member.variantName'"),
        ({"VolumeSizeInGB": 1000}, "less than or equal to 512"),
        ({"ModelName": None}, "inference components"),
        ({"ManagedInstanceScaling": {"Status": "ENABLED"}}, "does not implement ManagedInstanceScaling"),
        (
            {"InstanceType": None, "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}},
            "has ServerlessConfig and so cannot have InitialInstanceCount",
        ),
    ],
)
def test_a_variant_that_sagemaker_refuses_is_refused(world: Any, change: dict[str, Any], message: str) -> None:
    variant = {name: value for name, value in (VARIANT | change).items() if value is not None}
    client = world.local.client("sagemaker", parameter_validation=False)
    _, said = refused(client.create_endpoint_config, EndpointConfigName="x", ProductionVariants=[variant])
    assert message in said


def test_variant_names_are_unique_and_ten_the_most(world: Any) -> None:
    model = world.model("model")
    variant = VARIANT | {"ModelName": model}
    create = world.sagemaker.create_endpoint_config
    _, message = refused(create, EndpointConfigName="x", ProductionVariants=[variant, variant])
    assert message == "Production variant name a is given twice; every variant needs a name of its own."
    many = [variant | {"VariantName": f"v{number}"} for number in range(11)]
    _, message = refused(create, EndpointConfigName="x", ProductionVariants=many)
    assert "at 'productionVariants' failed to satisfy constraint: Member must have length less than or equal" in message


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"VariantName": "z", "DesiredWeight": 1.0}, 'Variant "z" does not exist in endpoint'),
        ({"VariantName": "a", "DesiredInstanceCount": 0}, "must be at least 1"),
        ({"VariantName": "a", "ServerlessUpdateConfig": {"MaxConcurrency": 1}}, "ServerlessUpdateConfig"),
    ],
)
def test_weights_and_counts_that_cannot_be_are_refused(world: Any, target: dict[str, Any], message: str) -> None:
    world.create(world.config("config", world.model("model")))
    call = world.sagemaker.update_endpoint_weights_and_capacities
    assert message in refused(call, EndpointName=world.endpoint, DesiredWeightsAndCapacities=[target])[1]


def test_what_a_description_shows_is_what_was_asked_for(world: Any) -> None:
    model = world.model("model", "local://echo", "s3://models/key.tar.gz", NAME="value")
    shown = world.sagemaker.describe_model(ModelName=model)
    assert shown["PrimaryContainer"] == {
        "Image": "local://echo",
        "Mode": "SingleModel",
        "ModelDataUrl": "s3://models/key.tar.gz",
        "Environment": {"NAME": "value"},
    }
    assert (shown["EnableNetworkIsolation"], shown["ExecutionRoleArn"].endswith("role/serving")) == (False, True)
    config = world.config("config", model, VolumeSizeInGB=20, RoutingConfig={"RoutingStrategy": "RANDOM"})
    (variant,) = world.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    assert variant == VARIANT | {
        "ModelName": model,
        "InitialVariantWeight": 1.0,
        "VolumeSizeInGB": 20,
        "RoutingConfig": {"RoutingStrategy": "RANDOM"},
    }
    assert abs(shown["CreationTime"].timestamp() - time.time()) < 3600


def test_lists_are_filtered_ordered_and_paged(world: Any) -> None:
    sagemaker = world.sagemaker
    names = [world.model(f"m{number:02}") for number in range(12)]
    whole = {"NameContains": f"{world.prefix}-m"}
    newest = [each["ModelName"] for each in sagemaker.list_models(**whole)["Models"]]
    assert newest == names[:1:-1]
    pages = sagemaker.get_paginator("list_models").paginate(
        **whole, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 5}
    )
    counted = [[each["ModelName"] for each in page["Models"]] for page in pages]
    assert [len(each) for each in counted] == [5, 5, 2]
    assert [name for each in counted for name in each] == names
    third = sagemaker.describe_model(ModelName=names[2])["CreationTime"]
    after = sagemaker.list_models(**whole, CreationTimeAfter=third, MaxResults=100)["Models"]
    before = sagemaker.list_models(**whole, CreationTimeBefore=third, MaxResults=100)["Models"]
    assert {each["ModelName"] for each in after} | {each["ModelName"] for each in before} >= set(names) - {names[2]}
    assert not {each["ModelName"] for each in after} & {each["ModelName"] for each in before}
    assert "NextToken" in refused(sagemaker.list_models, NextToken="bad")[1]


def test_endpoints_are_listed_by_status(world: Any) -> None:
    config = world.config("config", world.model("model"))
    world.sagemaker.create_endpoint(EndpointName=world.endpoint, EndpointConfigName=config)

    def listed(status: str) -> list[str]:
        found = world.sagemaker.list_endpoints(StatusEquals=status, NameContains=world.prefix)["Endpoints"]
        return [each["EndpointName"] for each in found]

    assert (listed("Creating"), listed("InService")) == ([world.endpoint], [])
    world.settled()
    assert (listed("Creating"), listed("InService")) == ([], [world.endpoint])


def test_tags_are_overwritten_listed_and_removed(world: Any) -> None:
    sagemaker = world.sagemaker
    tags = [{"Key": "sagemaker-operator.io/name", "Value": "fraud"}, {"Key": "größe", "Value": "2 m"}]
    name = f"{world.prefix}-tagged"
    arn = sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": "local://echo"}, Tags=tags)["ModelArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "größe", "Value": ""}, {"Key": "b", "Value": "1"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [
        tags[0],
        {"Key": "größe", "Value": ""},
        {"Key": "b", "Value": "1"},
    ]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["größe", "absent"])
    assert [each["Key"] for each in sagemaker.list_tags(ResourceArn=arn)["Tags"]] == [tags[0]["Key"], "b"]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(49)]
    assert refused(sagemaker.add_tags, ResourceArn=arn, Tags=many)[0] == "ResourceLimitExceeded"
    reserved = [{"Key": "aws:cloudformation", "Value": ""}]
    assert "reserved" in refused(sagemaker.add_tags, ResourceArn=arn, Tags=reserved)[1]
    absent = arn.replace(name, "absent")
    assert refused(sagemaker.list_tags, ResourceArn=absent)[1] == f'Could not find model "{absent}".'
    sagemaker.delete_model(ModelName=name)
    assert "Could not find model" in refused(sagemaker.list_tags, ResourceArn=arn)[1]


def test_tags_go_with_their_endpoint(world: Any) -> None:
    config = world.config("config", world.model("model"))
    world.create(config, Tags=[{"Key": "a", "Value": "b"}])
    arn = world.describe()["EndpointArn"]
    assert world.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    world.delete()
    world.create(config)
    assert world.sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_an_operation_that_is_not_served_is_unknown(world: Any) -> None:
    code, message = refused(world.sagemaker.list_training_jobs)
    assert (code, message) == (
        "UnknownOperationException",
        "Local SageMaker does not serve the operation ListTrainingJobs.",
    )


def post(url: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a bare request."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, names | {"Content-Type": "application/x-amz-json-1.1"})
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


SIGNED = "AWS4-HMAC-SHA256 Credential=111122223333/20260101/eu-west-1/sagemaker/aws4_request, Signature=0"


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"{", "SerializationException", "The body is not JSON."),
        (b"[]", "SerializationException", "The body must be a JSON object, not an array."),
        (b'{"ModelName": 1}', "SerializationException", "modelName must be a string, not a number."),
        (b'{"ModelName": "\\ud800"}', "SerializationException", "modelName must be Unicode text."),
        (b"[" * 100_000, "SerializationException", "The body is not JSON."),
        (b"{}", "ValidationException", "1 validation error detected: Value null at 'modelName' failed to satisfy "
         "constraint: Member must not be null"),
        (b'{"ModelName": null}', "ValidationException", "1 validation error detected: Value null at 'modelName' "
         "failed to satisfy constraint: Member must not be null"),
        (b'{"ModelName": "none", "Other": 1}', "ValidationException", "1 validation error detected: Value '1' at "
         "'Other' failed to satisfy constraint: Member must be a member of DescribeModelInput: ModelName"),
    ],
)  # fmt: skip
def test_a_body_that_is_not_the_operations_input_is_refused(local: Any, body: bytes, code: str, message: str) -> None:
    status, said = post(local.url, body, X_Amz_Target="SageMaker.DescribeModel", Authorization=SIGNED)
    assert (status, said) == (400, {"__type": code, "message": message})


def test_a_body_without_end_is_refused(local: Any) -> None:
    request = urllib.request.Request(local.url, b" " * 3_000_000, {"X-Amz-Target": "SageMaker.ListModels"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as error:
        assert error.code == 413


def test_an_upload_that_breaks_off_harms_nobody(local: Any) -> None:
    host, _, port = local.url.removeprefix("http://").partition(":")
    scope = SIGNED.replace("/sagemaker/", "/s3/")
    head = f"PUT /models/broken HTTP/1.1\r\nHost: x\r\nAuthorization: {scope}\r\nContent-Length: 9000000\r\n\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + b"x" * 1_000_000)
    with pytest.raises(ClientError, match="404"):
        local.client("s3").head_object(Bucket="models", Key="broken")


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "MissingAuthenticationTokenException"), ({"Authorization": "Bearer x"}, "IncompleteSignatureException")],
)
def test_a_request_without_a_signature_is_refused(local: Any, headers: dict[str, str], code: str) -> None:
    status, said = post(local.url, b"{}", X_Amz_Target="SageMaker.ListModels", **headers)
    assert (status, said["__type"]) == (403, code)


def test_accounts_and_regions_do_not_see_each_other(world: Any) -> None:
    world.create(world.config("config", world.model("model")))
    for key, region in (("444455556666", "eu-west-1"), ("111122223333", "us-east-1")):
        other = world.local.client("sagemaker", key, region)
        assert other.list_endpoints(NameContains=world.prefix)["Endpoints"] == []
        runtime = world.local.client("sagemaker-runtime", key, region)
        with pytest.raises(ClientError, match=f"of account {key} not found"):
            runtime.invoke_endpoint(EndpointName=world.endpoint, Body=b"")


def test_a_key_of_sts_acts_in_its_roles_account_everywhere(world: Any) -> None:
    sts = world.local.client("sts", "444455556666")
    role = "arn:aws:iam::111122223333:role/operator"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    world.create(world.config("config", world.model("model")))
    assumed = world.local.client("sagemaker", keys["AccessKeyId"])
    assert assumed.describe_endpoint(EndpointName=world.endpoint)["EndpointStatus"] == "InService"
    runtime = world.local.client("sagemaker-runtime", keys["AccessKeyId"])
    assert runtime.invoke_endpoint(EndpointName=world.endpoint, Body=b"hello")["Body"].read() == b"hello"
    assert world.local.client("sts", keys["AccessKeyId"]).get_caller_identity()["Account"] == "111122223333"
    assert world.local.client("sts", "AKIAIOSFODNN7EXAMPLE").get_caller_identity()["Account"] == "123456789012"
    assert world.local.client("sts", "444455556666").get_caller_identity()["Account"] == "444455556666"


def test_s3_takes_large_objects_odd_keys_and_ranges(local: Any, tmp_path: Path) -> None:
    s3, key = local.client("s3"), "a b/é+%20/~x?y#z"
    content = os.urandom(12 * 1024 * 1024)
    (tmp_path / "large").write_bytes(content)
    s3.upload_file(str(tmp_path / "large"), "models", key)
    assert s3.get_object(Bucket="models", Key=key)["Body"].read() == content
    part = s3.get_object(Bucket="models", Key=key, Range="bytes=10-19")
    assert (part["Body"].read(), part["ResponseMetadata"]["HTTPStatusCode"]) == (content[10:20], 206)
    assert s3.head_object(Bucket="models", Key=key)["ContentLength"] == len(content)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "models", "Key": key})
    with urllib.request.urlopen(url) as reply:
        assert reply.read() == content
    s3.delete_object(Bucket="models", Key=key)
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="models", Key=key)


def test_the_aws_cli_works_unchanged(world: Any) -> None:
    world.create(world.config("config", world.model("model")))
    environment = dict(os.environ) | {
        "AWS_ENDPOINT_URL": world.local.url,
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_SECRET_ACCESS_KEY": "fake",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }

    def aws(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("aws")), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    listed = aws("sagemaker", "list-endpoints", "--name-contains", world.prefix, "--query", "Endpoints[].EndpointName")
    assert json.loads(listed.stdout) == [world.endpoint]
    absent = aws("sagemaker", "describe-endpoint", "--endpoint-name", "none")
    assert absent.returncode
    assert "Could not find endpoint" in absent.stderr
