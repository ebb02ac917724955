"""Transform jobs on real model server processes: what is sent, what is stored, and how a job ends."""

from __future__ import annotations

import gzip
import json
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
WORKER = "registry.example/worker:1"
ARN = "arn:aws:sagemaker:eu-west-1:111122223333"
LINES = {"SplitType": "Line", "ContentType": "text/csv"}
BY_LINE = {"AssembleWith": "Line", "Accept": "text/csv"}


def test_predictions_are_joined_to_the_ids_that_the_model_did_not_see(
    world: Any, jobs: Any, trained: Any, archive: str
) -> None:
    rows = b"".join(b"id%d,%b\n" % (number, row) for number, row in enumerate(trained.csv.splitlines()))
    model = world.model("model", XGBOOST, archive)
    arn = jobs.begin(
        model,
        jobs.put(rows=rows),
        source=LINES,
        target=BY_LINE,
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    assert arn == f"{ARN}:transform-job/{jobs.name}"
    world.sagemaker.get_waiter("transform_job_completed_or_stopped").wait(
        TransformJobName=jobs.name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
    )
    found = jobs.describe()
    assert found["TransformJobStatus"] == "Completed"
    assert found["CreationTime"] <= found["TransformStartTime"] <= found["TransformEndTime"]
    lines = [each.split(",") for each in jobs.outputs["rows.out"].decode().splitlines()]
    assert [each[0] for each in lines] == ["id0", "id1", "id2", "id3"]
    assert [float(each[1]) for each in lines] == pytest.approx(trained.expected, rel=1e-5)


def test_every_object_below_a_prefix_keeps_its_relative_key(world: Any, jobs: Any) -> None:
    uri = jobs.put(a=b"one", deep__er__b=b"two")
    jobs.s3.put_object(Bucket="models", Key=f"in/{world.prefix}/deep/", Body=b"")
    assert jobs.run(world.model("model", WORKER), uri)["TransformJobStatus"] == "Completed"
    assert jobs.outputs == {"a.out": b"ONE", "deep/er/b.out": b"TWO"}


def test_a_manifest_names_the_objects(world: Any, jobs: Any) -> None:
    uri = jobs.put(a=b"one", b=b"two", c=b"three")
    manifest = json.dumps([{"prefix": uri}, "a", "c"]).encode()
    jobs.s3.put_object(Bucket="models", Key=f"manifests/{world.prefix}", Body=manifest)
    source = {"S3DataType": "ManifestFile", "S3Uri": f"s3://models/manifests/{world.prefix}"}
    found = jobs.run(world.model("model", WORKER), uri, source={"DataSource": {"S3DataSource": source}})
    assert found["TransformJobStatus"] == "Completed"
    assert jobs.outputs == {"a.out": b"ONE", "c.out": b"THREE"}


def test_one_object_gzipped(world: Any, jobs: Any) -> None:
    uri = jobs.put(a=gzip.compress(b"x\ny\n"), b=b"other")
    source = {"SplitType": "Line", "CompressionType": "Gzip"}
    found = jobs.run(world.model("model", WORKER), f"{uri}a", source=source, target={"AssembleWith": "Line"})
    assert found["TransformInput"]["CompressionType"] == "Gzip"
    assert jobs.outputs == {"a.out": b"X\nY\n"}


def test_objects_are_shared_out_among_the_instances(start: Any, images: Any) -> None:
    with start("--create-seconds", "0", "--max-processes-per-variant", "2", "--images", str(images)) as local:
        s3, sagemaker = local.client("s3"), local.client("sagemaker")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for name in "abcd":
            s3.put_object(Bucket="bucket", Key=f"in/{name}", Body=b"x")
        sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": WORKER, "Environment": {"MODE": "told"}})
        data = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"}}}
        sagemaker.create_transform_job(
            TransformJobName="j",
            ModelName="m",
            TransformInput=data,
            TransformOutput={"S3OutputPath": "s3://bucket/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 2},
        )
        local.until(lambda: sagemaker.describe_transform_job(TransformJobName="j")["TransformJobStatus"] == "Completed")
        pids = [
            json.loads(s3.get_object(Bucket="bucket", Key=f"out/{name}.out")["Body"].read())["pid"] for name in "abcd"
        ]
        assert (pids[0], pids[1]) == (pids[2], pids[3])
        assert pids[0] != pids[1]


def test_a_container_is_told_of_the_batch(world: Any, jobs: Any) -> None:
    model = world.model("model", WORKER, MODE="told", VERSION="model")
    jobs.run(
        model,
        jobs.put(a=b"x"),
        source={"ContentType": "text/csv"},
        target={"Accept": "application/json"},
        Environment={"VERSION": "job"},
        MaxConcurrentTransforms=2,
        MaxPayloadInMB=3,
        BatchStrategy="SingleRecord",
    )
    told = json.loads(jobs.outputs["a.out"])
    del told["pid"]
    assert told == {
        "size": 1,
        "Content-Type": "text/csv",
        "Accept": "application/json",
        "Transfer-Encoding": None,
        "VERSION": "job",
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "3",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "2",
    }


def test_without_a_payload_limit_bodies_are_sent_in_chunks(world: Any, jobs: Any) -> None:
    jobs.run(world.model("model", WORKER, MODE="told"), jobs.put(a=b"x" * 200_000), MaxPayloadInMB=0)
    told = json.loads(jobs.outputs["a.out"])
    assert (told["Transfer-Encoding"], told["size"]) == ("chunked", 200_000)


@pytest.mark.parametrize(
    ("strategy", "sizes"), [("SingleRecord", [600_000] * 3 + [1]), ("MultiRecord", [600_000, 600_000, 600_002])]
)
def test_a_request_has_one_record_or_as_many_as_fit(world: Any, jobs: Any, strategy: str, sizes: list[int]) -> None:
    content = b"\n".join([b"x" * 600_000] * 3 + [b"y"])
    model = world.model("model", WORKER)
    jobs.run(model, jobs.put(a=content), source={"SplitType": "Line"}, BatchStrategy=strategy, MaxPayloadInMB=1)
    assert jobs.log(jobs.name, data=False) == [f"request of {each}" for each in sizes]
    separator = b"" if strategy == "SingleRecord" else b"\n"
    assert jobs.outputs["a.out"] == b"X" * 1_800_000 + separator + b"Y"


def test_requests_are_under_way_together_and_their_replies_stay_in_order(world: Any, jobs: Any) -> None:
    model = world.model("model", WORKER, TOGETHER="3")
    fields = {"BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": 3}
    content = b"".join(b"%c\n" % each for each in b"abcdef")
    found = jobs.run(model, jobs.put(a=content), source=LINES, target=BY_LINE, **fields)
    assert found["TransformJobStatus"] == "Completed"
    assert jobs.outputs["a.out"] == content.upper()


def test_what_the_request_leaves_open_the_container_decides(world: Any, jobs: Any) -> None:
    parameters = {"MaxConcurrentTransforms": 2, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 7}
    model = world.model("model", WORKER, TOGETHER="2", PARAMETERS=json.dumps(parameters))
    found = jobs.run(model, jobs.put(a=b"a\nb\nc\nd\n"), source=LINES, target=BY_LINE)
    assert found["TransformJobStatus"] == "Completed"
    line = "[sagemaker logs]: MaxConcurrentTransforms=2, MaxPayloadInMB=7, BatchStrategy=SINGLE_RECORD"
    assert jobs.log(jobs.name, data=True) == [line]


def test_json_lines_get_their_answers_as_an_attribute(world: Any, jobs: Any) -> None:
    kind = "application/jsonlines"
    content = b'{"id": 1, "features": ["a"]}\n{"id": 2, "features": ["b"]}\n'
    jobs.run(
        world.model("model", WORKER),
        jobs.put(a=content),
        source={"SplitType": "Line", "ContentType": kind},
        target={"AssembleWith": "Line", "Accept": kind},
        DataProcessing={
            "InputFilter": "$.features",
            "JoinSource": "Input",
            "OutputFilter": "$['id','SageMakerOutput']",
        },
    )
    assert jobs.outputs["a.out"] == b'{"id":1,"SageMakerOutput":["A"]}\n{"id":2,"SageMakerOutput":["B"]}\n'


def test_a_record_that_is_refused_fails_its_object_and_the_job_but_not_the_others(world: Any, jobs: Any) -> None:
    uri = jobs.put(bad=b"fine\nbad400\nfine\n", good=b"fine\n")
    fields = {"BatchStrategy": "SingleRecord"}
    found = jobs.run(world.model("model", WORKER), uri, source=LINES, target=BY_LINE, **fields)
    assert found["TransformJobStatus"] == "Failed"
    assert found["FailureReason"] == "ClientError: See job logs for more information"
    assert jobs.outputs == {"good.out": b"FINE\n"}
    place = f"[sagemaker logs]: models/in/{world.prefix}/bad: "
    said = [each.removeprefix(place) for each in jobs.log(jobs.name, data=True) if each.startswith(place)]
    assert [each for each in said if each] == ["ClientError: 400", "Message:", "cannot read this"]


def test_a_server_that_fails_is_asked_again_and_then_given_up(world: Any, jobs: Any) -> None:
    client = {"InvocationsMaxRetries": 2}
    found = jobs.run(world.model("model", WORKER), jobs.put(a=b"bad500"), ModelClientConfig=client)
    assert found["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert jobs.outputs == {}
    assert jobs.log(jobs.name, data=False) == ["request of 6"] * 3
    assert any("Bad HTTP status received from algorithm: 500" in each for each in jobs.log(jobs.name, data=True))


def test_a_server_that_dies_is_healed_and_asked_again(world: Any, jobs: Any) -> None:
    found = jobs.run(world.model("model", WORKER), jobs.put(a=b"die"))
    assert found["TransformJobStatus"] == "Completed"
    assert jobs.outputs == {"a.out": b"DIE"}
    assert any("exit status 3" in each for each in jobs.log(jobs.name, data=False))


def test_a_server_that_does_not_answer_in_time_fails_the_object(world: Any, jobs: Any) -> None:
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
    found = jobs.run(world.model("model", WORKER), jobs.put(a=b"hang"), ModelClientConfig=client)
    assert found["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert any("Unable to get response from algorithm" in each for each in jobs.log(jobs.name, data=True))


def test_a_job_that_is_stopped_stores_nothing_and_leaves_no_process(world: Any, jobs: Any) -> None:
    before = set(world.local.descendants)
    jobs.begin(world.model("model", WORKER), jobs.put(a=b"fine", b=b"hang"))
    world.until(lambda: "TransformStartTime" in jobs.describe(), "the start")
    world.until(lambda: len(set(world.local.descendants) - before) == 1, "the container")
    world.sagemaker.stop_transform_job(TransformJobName=jobs.name)
    assert jobs.describe()["TransformJobStatus"] in ("Stopping", "Stopped")
    found = jobs.ended()
    assert found["TransformJobStatus"] == "Stopped"
    assert found["TransformEndTime"] >= found["TransformStartTime"]
    assert jobs.outputs == {}
    assert not [each for each in set(world.local.descendants) - before if psutil.pid_exists(each.pid)]
    with pytest.raises(ClientError, match="the transform job is in status Stopped"):
        world.sagemaker.stop_transform_job(TransformJobName=jobs.name)


@pytest.mark.parametrize(
    ("image", "url", "environment", "reason"),
    [
        (WORKER, None, {"MODE": "crash"}, "AlgorithmError: Model container failed to respond to ping"),
        ("registry.example/unknown:1", None, {}, "ClientError: Please make sure all images"),
        (XGBOOST, "s3://models/nothing.tar.gz", {}, "ClientError: Failed to download model data"),
    ],
)
def test_a_container_that_does_not_start_fails_the_job(
    world: Any, jobs: Any, image: str, url: str | None, environment: dict[str, str], reason: str
) -> None:
    found = jobs.run(world.model("model", image, url, **environment), jobs.put(a=b"x"))
    assert found["TransformJobStatus"] == "Failed"
    assert found["FailureReason"].startswith(reason)
    assert "TransformStartTime" not in found
    assert jobs.outputs == {}


@pytest.mark.parametrize(
    ("uri", "kind", "reason"),
    [
        ("s3://models/nothing/", "S3Prefix", 'ClientError: No S3 objects found under S3 URL "s3://models/nothing/"'),
        ("s3://no-bucket/in/", "S3Prefix", 'ClientError: Data download failed: "s3://no-bucket/in/": S3 says NoSuch'),
        ("s3://models/nothing", "ManifestFile", "ClientError: Data download failed"),
    ],
)
def test_input_that_is_not_there_fails_the_job(world: Any, jobs: Any, uri: str, kind: str, reason: str) -> None:
    source = {"DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": uri}}}
    found = jobs.run(world.model("model"), uri, source=source)
    assert (found["TransformJobStatus"], found["FailureReason"][: len(reason)]) == ("Failed", reason)


def test_an_output_bucket_that_is_not_there_fails_the_job(world: Any, jobs: Any) -> None:
    found = jobs.run(world.model("model"), jobs.put(a=b"x"), target={"S3OutputPath": "s3://no-bucket/out"})
    assert found["FailureReason"].startswith('ClientError: Unable to upload the output to "s3://no-bucket/out/a.out"')


def test_names_are_taken_for_ever_and_absent_jobs_are_said_to_be(world: Any, jobs: Any) -> None:
    model, uri = world.model("model"), jobs.put(a=b"x")
    tags = [{"Key": "team", "Value": "fraud"}]
    arn = jobs.begin(model, uri, Tags=tags)
    assert world.sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    assert jobs.ended()["TransformJobStatus"] == "Completed"
    with pytest.raises(ClientError, match="a job with this name already exists") as caught:
        jobs.begin(model, uri)
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    for call in (world.sagemaker.describe_transform_job, world.sagemaker.stop_transform_job):
        with pytest.raises(ClientError, match="Could not find requested job with name: none") as absent:
            call(TransformJobName="none")
        assert absent.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="Could not find model"):
        jobs.begin("none", uri, TransformJobName=f"{jobs.name}-2")


def test_jobs_are_listed_by_name_and_status(world: Any, jobs: Any) -> None:
    model, uri = world.model("model"), jobs.put(a=b"x")
    names = [f"{jobs.name}-{number}" for number in range(3)]
    for name in names:
        jobs.begin(model, uri, TransformJobName=name)
    for name in names:
        jobs.ended(name)
    pages = world.sagemaker.get_paginator("list_transform_jobs").paginate(
        NameContains=jobs.name, StatusEquals="Completed", SortBy="Name", SortOrder="Ascending",
        PaginationConfig={"PageSize": 2},
    )  # fmt: skip
    listed = [each for page in pages for each in page["TransformJobSummaries"]]
    assert [each["TransformJobName"] for each in listed] == names
    assert all(each["TransformEndTime"] >= each["CreationTime"] for each in listed)


def test_a_process_that_ends_takes_its_jobs_with_it(start: Any, images: Any) -> None:
    with start("--create-seconds", "0", "--images", str(images)) as local:
        s3, sagemaker = local.client("s3"), local.client("sagemaker")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket="bucket", Key="in/a", Body=b"hang")
        sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": WORKER})
        sagemaker.create_transform_job(
            TransformJobName="j",
            ModelName="m",
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/"}}},
            TransformOutput={"S3OutputPath": "s3://bucket/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        local.until(lambda: "TransformStartTime" in sagemaker.describe_transform_job(TransformJobName="j"))
        processes = local.descendants
    assert not [each for each in processes if each.is_running()]


def test_a_record_goes_through_all_containers_of_a_pipeline(world: Any, jobs: Any) -> None:
    containers = [{"Image": WORKER}, {"Image": WORKER, "Environment": {"MODE": "told"}}]
    world.sagemaker.create_model(ModelName=f"{world.prefix}-pipeline", Containers=containers)
    found = jobs.run(f"{world.prefix}-pipeline", jobs.put(a=b"one"), source={"ContentType": "text/csv"})
    assert found["TransformJobStatus"] == "Completed"
    told = json.loads(jobs.outputs["a.out"])
    assert (told["size"], told["SAGEMAKER_BATCH"], told["Content-Type"]) == (3, "true", None)


def test_what_a_later_container_refuses_fails_the_object(world: Any, jobs: Any) -> None:
    containers = [{"Image": WORKER}, {"Image": WORKER, "Environment": {"MODE": "refuse"}}]
    world.sagemaker.create_model(ModelName=f"{world.prefix}-pipeline", Containers=containers)
    uri = jobs.put(a=b"bad", b=b"good")
    assert jobs.run(f"{world.prefix}-pipeline", uri)["TransformJobStatus"] == "Failed"
    assert jobs.outputs == {"b.out": b"GOOD"}


def test_a_job_cannot_name_a_model_or_a_container(world: Any, jobs: Any) -> None:
    containers = [{"Image": WORKER, "ContainerHostname": each} for each in ("one", "two")]
    direct = {"InferenceExecutionConfig": {"Mode": "Direct"}}
    world.sagemaker.create_model(ModelName=f"{world.prefix}-direct", Containers=containers, **direct)
    multi = {"Image": WORKER, "Mode": "MultiModel", "ModelDataUrl": "s3://models/many/"}
    world.sagemaker.create_model(ModelName=f"{world.prefix}-multi", PrimaryContainer=multi)
    for name, words in (("direct", "models for direct invocation"), ("multi", "multi-model containers")):
        with pytest.raises(ClientError, match=words):
            jobs.begin(f"{world.prefix}-{name}", jobs.put(a=b"one"))
