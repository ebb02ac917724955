"""Each file of manifests/examples, applied as it is, reaches what it promises."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import xgboost
import yaml
from sklearn.linear_model import LogisticRegression

EXAMPLES = Path(__file__).parents[3] / "manifests/examples"
FILES = sorted(file for file in EXAMPLES.glob("*.yaml") if not file.name.startswith("loadtest"))
HANDLER = b"""
import joblib, os
def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))
"""


@pytest.fixture
def models(account: Any, tmp_path: Path) -> None:
    """The archives that the examples name."""
    rows = np.random.default_rng(1).normal(size=(80, 58))
    labels = (rows[:, 0] > 0).astype(int)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows, labels), 3)
    packed = {"xgboost-model": bytes(booster.save_raw("ubj"))}
    for key in ("champion", "challenger", "2026-11-03", "2026-11-17"):
        account.put(f"fraud/{key}.tar.gz", packed)
    joblib.dump(LogisticRegression().fit(rows[:, :4], labels), tmp_path / "model.joblib")
    account.put(
        "iris/1.tar.gz",
        {"model.joblib": (tmp_path / "model.joblib").read_bytes(), "code/inference.py": HANDLER},
    )


def spec_of(file: Path, account: Any) -> tuple[str, dict[str, Any]]:
    """As it stands, but for account and bucket: each test has its own."""
    text = file.read_text(encoding="utf-8").replace("111122223333", account.id)
    body = yaml.safe_load(text.replace("s3://models/", f"s3://{account.bucket}/"))
    return body["metadata"]["name"], body["spec"]


@pytest.mark.parametrize("file", [f for f in FILES if f.stem != "observe"], ids=lambda file: file.stem)
def test_an_example_serves(
    ns: Any, account: Any, operator: Any, models: None, file: Path, eventually: Callable[..., Any]
) -> None:
    name, spec = spec_of(file, account)
    ns.apply(spec, name)
    ns.wait("Synced", name=name)
    endpoint = ns.status(name)["endpointName"]
    row = ",".join(["0.1"] * (4 if file.stem == "sklearn-iris" else 58))
    answers = {account.invoke(endpoint, f"{row}\n{row}")[1] for _ in range(20)}
    assert answers <= {variant["name"] for variant in spec["variants"]}
    if spec.get("deletionProtection") == "Enabled":
        refused = ns.cluster.kubectl("-n", ns.name, "delete", "sme", name, check=False)
        assert "deletionProtection" in refused.stderr
        ns.kubectl("patch", "sme", name, "--type=merge", '-p={"spec":{"deletionProtection":"Disabled"}}')
    ns.delete(name)
    assert bool(account.names()["endpoints"]) == (spec.get("deletionPolicy") == "Retain")


def test_observe_reports_an_endpoint_that_somebody_made(
    ns: Any, account: Any, local: Any, operator: Any, eventually: Callable[..., Any]
) -> None:
    name, spec = spec_of(EXAMPLES / "observe.yaml", account)
    ns.apply(spec, name)
    ns.wait("Ready", "False", "NotFound", name)
    sagemaker, role = account.sagemaker, spec["executionRoleARN"]
    sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": "local://echo"}, ExecutionRoleArn=role)
    variant = {"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=spec["endpointName"], EndpointConfigName="c")
    eventually(lambda: ns.condition("Ready", name).get("status") == "True")
    ns.delete(name)
    assert account.names()["endpoints"] == [spec["endpointName"]]
