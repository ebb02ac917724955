"""An endpoint's whole life through kubectl: made, called, changed, moved, deleted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

ROOT = Path(__file__).parents[3]
OWNER_TAGS = ("cluster", "namespace", "name", "uid")


def trained(trees: int) -> tuple[bytes, xgboost.Booster]:
    rows = np.random.default_rng(7).normal(size=(200, 3))
    data = xgboost.DMatrix(rows, label=(rows.sum(axis=1) > 0).astype(float))
    model = xgboost.train({"objective": "binary:logistic", "nthread": 1, "seed": 7}, data, trees)
    return bytes(model.save_raw("ubj")), model


def serving(url: str, count: int = 1, name: str = "main") -> dict[str, Any]:
    container = {"framework": {"name": "xgboost", "version": "3.2-0"}, "modelDataURL": url}
    return {"name": name, "containers": [container], "instances": {"type": "ml.m5.large", "count": count}}


def test_a_models_life_from_yaml_to_nothing_left(
    ns: Any, account: Any, local: Any, operator: Any, eventually: Any
) -> None:
    champion, model = trained(20)
    challenger, _ = trained(5)
    urls = [account.put(f"{n}.tar.gz", {"xgboost-model": raw}) for n, raw in ((1, champion), (2, challenger))]
    row = "0.5,0.25,-0.1"
    own = float(model.predict(xgboost.DMatrix(np.array([[0.5, 0.25, -0.1]])))[0])

    ns.apply({"variants": [serving(urls[0], count=2)], "tags": {"team": "risk"}})
    ns.wait("Synced")
    status, endpoint = ns.status(), f"{ns.name}-fraud"
    assert ns.condition("Ready")["reason"] == "InService"
    assert status["summary"] == {"status": "InService", "traffic": "main=1", "instances": "2/2"}
    assert abs(float(account.invoke(endpoint, row)[0]) - own) < 1e-6
    assert status["url"] == f"{local.url}/endpoints/{endpoint}/invocations"
    arn = status["endpointARN"]
    tags = account.tags(arn)
    assert tags["team"] == "risk"
    assert all(f"sagemaker-operator.io/{tag}" in tags for tag in OWNER_TAGS)
    events = ["CreateStarted", "InService"]
    assert ns.told(*events) == events
    first = status["revisions"]["active"]

    ns.apply({"variants": [serving(urls[1], count=2)]})
    ns.wait("Synced")
    second = ns.status()["revisions"]["active"]
    assert second != first
    assert "team" not in account.tags(arn)
    assert account.tags(arn)["sagemaker-operator.io/revision"] == second
    eventually(lambda: [len(names) for names in account.names().values()] == [1, 1, 1], what="the old parts to go")
    events += ["UpdateStarted", "InService"]
    assert ns.told(*events) == events
    assert float(account.invoke(endpoint, row)[0]) != own

    ns.apply({"variants": [serving(urls[1], count=1)]})
    ns.wait("Synced")
    assert ns.status()["revisions"]["active"] == second, "a count is no new fleet"
    assert ns.status()["summary"]["instances"] == "1/1"
    events += ["CountChanged"]
    assert ns.told(*events) == events

    ns.delete()
    assert account.names() == {"endpoints": [], "configs": [], "models": []}
    events += ["Deleted"]
    assert ns.told(*events) == events


def test_traffic_is_moved_in_place(ns: Any, account: Any, local: Any, operator: Any) -> None:
    def split(a: int, b: int) -> dict[str, Any]:
        variants = [
            {**v, "name": n}
            for n in ("a", "b")
            for v in [{"containers": [{"image": "local://echo"}], "instances": {"type": "ml.m5.large", "count": 1}}]
        ]
        return {"variants": variants, "traffic": {"a": a, "b": b}}

    ns.apply(split(1, 0))
    ns.wait("Synced")
    endpoint, revision = f"{ns.name}-fraud", ns.status()["revisions"]["active"]
    assert {account.invoke(endpoint)[1] for _ in range(30)} == {"a"}
    ns.apply(split(0, 1))
    ns.wait("Synced")
    assert {account.invoke(endpoint)[1] for _ in range(30)} == {"b"}
    assert ns.status()["revisions"]["active"] == revision
    assert ns.status()["summary"]["traffic"] == "a=0,b=1"
    assert local.changes(account.id).count("UpdateEndpoint") == 0
    events = ["CreateStarted", "InService", "TrafficChanged"]
    assert ns.told(*events) == events


def test_going_back_to_an_earlier_spec_makes_the_same_names(ns: Any, account: Any, operator: Any, release: Any) -> None:
    ns.apply(release(1))
    ns.wait("Synced")
    before = ns.status()["revisions"]["activeConfigName"]
    ns.apply(release(2))
    ns.wait("Synced")
    ns.apply(release(1))
    ns.wait("Synced")
    assert ns.status()["revisions"]["activeConfigName"] == before
    assert ns.status()["revisions"]["history"][0]["revision"] == ns.status()["revisions"]["active"]


def test_a_restart_token_is_a_new_fleet_of_the_same_model(
    ns: Any, account: Any, local: Any, operator: Any, release: Any
) -> None:
    ns.apply(release(1))
    ns.wait("Synced")
    models = account.names()["models"]
    ns.apply(release(1, restartToken="again"))
    ns.wait("Synced")
    assert account.names()["models"] == models
    assert local.changes(account.id).count("UpdateEndpoint") == 1


def test_after_convergence_nothing_is_called_or_written(
    ns: Any, account: Any, local: Any, operator: Any, release: Any, passes: Any
) -> None:
    ns.apply(release(1, tags={"a": "1"}))
    ns.wait("Synced")
    settled = passes()
    body, changes = ns.get(), local.changes(account.id)
    passes(settled + 2)
    assert local.changes(account.id) == changes
    assert ns.get()["metadata"]["resourceVersion"] == body["metadata"]["resourceVersion"]


def test_kubectl_reads_well(ns: Any, operator: Any, release: Any) -> None:
    ns.apply(release(1))
    ns.wait("Synced")
    header, row = ns.kubectl("get", "sme").splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "SYNCED", "REVISION", "TRAFFIC", "INSTANCES", "AGE"]
    assert row.split()[:4] == ["fraud", "True", "InService", "True"]
    assert max(len(line) for line in (header, row)) <= 100
    wide = ns.kubectl("get", "sme", "-o", "wide").splitlines()[1].split()
    assert wide[-3:] == ["InService", f"{ns.name}-fraud", "eu-west-1"]
    assert "<none>" not in ns.kubectl("get", "sme", "-o", "wide")
    described = ns.kubectl("describe", "sme", "fraud")
    for line in ("Message:               Serving", "CreateStarted", "sagemaker-operator  "):
        assert line in described
    explained = ns.kubectl("explain", "sme.spec.variants")
    assert "pod template is to a Deployment" in " ".join(explained.split())
    waited = ns.kubectl("wait", "--for=condition=Synced", "sme/fraud", "--timeout=10s")
    assert "condition met" in waited


def test_an_object_that_exists_already_is_taken_up_at_the_start(ns: Any, start: Any, release: Any) -> None:
    ns.apply(release(1))
    assert ns.status() == {}
    assert start().url
    ns.wait("Synced")


def test_the_status_says_what_was_filled_in(ns: Any, operator: Any, release: Any, account: Any) -> None:
    ns.apply(release(1))
    ns.wait("Synced")
    status = ns.status()
    assert status["effective"] == {
        "executionRoleARN": f"arn:aws:iam::{account.id}:role/serving",
        "region": "eu-west-1",
        "traffic": {"main": 1},
    }
    assert status["accountID"] == account.id
    [variant] = status["variants"]
    assert variant["modelName"] == account.names()["models"][0]
    assert variant["image"] == "local://echo"
    assert json.dumps(status).count("RELEASE") == 0, "environment values stay out of the status"
