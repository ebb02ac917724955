"""What instances of local SageMaker cost: seconds until a process serves, and memory of each and of our own.

An endpoint of the XGBoost server, its count raised and lowered again; one of ``local://echo`` beside it for the share
that is not the model server's.

    python tools/bench/processes.py [--instances 4]
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
import numpy as np
import xgboost

IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
FEATURES = 58


def archive() -> bytes:
    """A small model."""
    rows = np.random.default_rng(0).random((500, FEATURES))
    booster = xgboost.train({"max_depth": 3}, xgboost.DMatrix(rows, rows.sum(axis=1)), 100)
    content, buffer = bytes(booster.save_raw("json")), io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("xgboost-model")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def client(url: str, service: str) -> Any:
    """boto3's."""
    keys = {"aws_access_key_id": "111122223333", "aws_secret_access_key": "local"}
    return boto3.client(service, endpoint_url=url, region_name="eu-west-1", **keys)  # type: ignore[call-overload]


def look(url: str) -> Any:
    """The status page's facts."""
    with urlopen(f"{url}/_local/status") as reply:
        return json.loads(reply.read())


def create(sagemaker: Any, name: str, image: str, **container: str) -> float:
    """Seconds from CreateEndpoint to InService."""
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": image, **container})
    variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    start = time.perf_counter()
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    return settled(sagemaker, name, start)


def settled(sagemaker: Any, name: str, start: float) -> float:
    """Seconds since the start once it is InService."""
    while sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] != "InService":
        time.sleep(0.02)
    return time.perf_counter() - start


def run(url: str, instances: int) -> None:
    """Print the table."""
    sagemaker, s3 = client(url, "sagemaker"), client(url, "s3")
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="models", Key="m.tar.gz", Body=archive())
    echo = create(sagemaker, "echo", "local://echo")
    first = create(sagemaker, "xgboost", IMAGE, ModelDataUrl="s3://models/m.tar.gz")
    start = time.perf_counter()
    wanted = [{"VariantName": "main", "DesiredInstanceCount": instances}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName="xgboost", DesiredWeightsAndCapacities=wanted)
    more = settled(sagemaker, "xgboost", start)
    facts = look(url)
    found = next(each for each in facts["endpoints"] if each["name"] == "xgboost")
    sizes = [each["memory"] / 2**20 for fleet in found["fleets"] for each in fleet["instances"]]
    print(f"{'what':34} {'value':>9}")
    print(f"{'endpoint without a process':34} {echo:7.2f} s")
    print(f"{'endpoint of one model server':34} {first:7.2f} s")
    print(f"{f'{instances - 1} more at once':34} {more:7.2f} s, {more / first:.2f} of the first")
    print(f"{'a model server':34} {sum(sizes) / len(sizes):5.0f} MiB, {len(sizes)} of them")
    for each in facts["processes"]:
        print(f"{each['name']:34} {each['memory'] / 2**20:5.0f} MiB")


def main() -> None:
    """Start local SageMaker, measure, end it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--instances", type=int, default=4)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready.json")
        command = [sys.executable, "-m", "sagemaker_local", "--port", "0", "--ready-file", str(ready)]
        command += ["--create-seconds", "0", "--max-processes-per-variant", str(asked.instances)]
        process = subprocess.Popen([*command, "--log-level", "warning"])
        try:
            while not ready.exists() and process.poll() is None:
                time.sleep(0.05)
            run(json.loads(ready.read_text())["url"], asked.instances)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
