"""The CRD as a real API server serves it: what people may change, what they see, and that nothing gets lost."""

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import ControlPlane
from sagemaker_operator.api import status as api
from sagemaker_operator.api.codec import decode, encode

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "manifests/examples"
NAMES = ["fraud", "fraud-ab", "fraud-shift", "sklearn-iris", "own-image", "observe", "production"]
SCHEMA = yaml.safe_load((ROOT / "crds/sagemakerendpoints.yaml").read_text(encoding="utf-8"))["spec"]["versions"][0][
    "schema"
]["openAPIV3Schema"]


def example(name: str, namespace: str) -> str:
    body = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    body["metadata"]["namespace"] = namespace
    return yaml.safe_dump(body, sort_keys=False)


def apply(plane: ControlPlane, manifest: str, *, check: bool = True) -> str:
    result = plane.kubectl("apply", "--server-side", "--field-manager=test", "-f", "-", input=manifest, check=check)
    return str(result.stdout + result.stderr)


def get(plane: ControlPlane, namespace: str, name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(plane.kubectl("get", "sme", name, "-n", namespace, "-o", "json").stdout)
    return body


def patch_spec(plane: ControlPlane, namespace: str, name: str, spec: Mapping[str, Any]) -> str:
    """Empty when accepted, else what kubectl says."""
    change = json.dumps({"spec": spec})
    result = plane.kubectl("patch", "sme", name, "-n", namespace, "--type=merge", "-p", change, check=False)
    return "" if result.returncode == 0 else str(result.stderr)


def patch_status(plane: ControlPlane, namespace: str, name: str, status: Mapping[str, Any]) -> None:
    change = json.dumps({"status": status})
    plane.kubectl("patch", "sme", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", change)


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_applies_and_applying_it_again_changes_nothing(
    name: str, control_plane: ControlPlane, namespace: str
) -> None:
    manifest = example(name, namespace)
    metadata = yaml.safe_load(manifest)["metadata"]
    apply(control_plane, manifest)
    first = get(control_plane, namespace, metadata["name"])
    apply(control_plane, manifest)
    again = get(control_plane, namespace, metadata["name"])
    assert first["spec"] == yaml.safe_load(manifest)["spec"], "nothing is filled in and nothing is dropped"
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_the_fraud_examples_follow_each_other(control_plane: ControlPlane, namespace: str) -> None:
    for generation, name in enumerate(["fraud", "fraud-ab", "fraud-shift", "fraud"], start=1):
        apply(control_plane, example(name, namespace))
        assert get(control_plane, namespace, "fraud")["metadata"]["generation"] == generation


def test_variants_merge_by_name_and_traffic_can_have_an_owner_of_its_own(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Server-side apply: a canary tool that owns spec.traffic alone does not touch the fleet."""
    apply(control_plane, example("fraud-ab", namespace))
    traffic = {
        "apiVersion": "sagemaker-operator.io/v1alpha1",
        "kind": "SageMakerEndpoint",
        "metadata": {"name": "fraud", "namespace": namespace},
        "spec": {"traffic": {"champion": 70, "challenger": 30}},
    }
    forced = ("apply", "--server-side", "--field-manager=canary", "--force-conflicts", "-f", "-")
    control_plane.kubectl(*forced, input=yaml.safe_dump(traffic))
    spec = get(control_plane, namespace, "fraud")["spec"]
    assert spec["traffic"] == {"champion": 70, "challenger": 30}
    assert [v["name"] for v in spec["variants"]] == ["champion", "challenger"]


@pytest.mark.parametrize("member", ["endpointName", "region"])
def test_what_is_in_use_may_be_written_down_later(member: str, control_plane: ControlPlane, namespace: str) -> None:
    apply(control_plane, example("fraud", namespace))
    in_use = {"endpointName": f"{namespace}-fraud", "region": "eu-west-1"}
    patch_status(control_plane, namespace, "fraud", in_use)
    assert "cannot change" in patch_spec(control_plane, namespace, "fraud", {member: "eu-west-2"})
    assert patch_spec(control_plane, namespace, "fraud", {member: in_use[member]}) == ""
    assert "cannot change" in patch_spec(control_plane, namespace, "fraud", {member: None})


def test_a_name_that_is_taken_may_be_changed(control_plane: ControlPlane, namespace: str) -> None:
    """Nothing of the object exists on AWS then, and the hint of NameTaken says to do so."""
    apply(control_plane, example("fraud", namespace))
    assert "cannot change" in patch_spec(control_plane, namespace, "fraud", {"endpointName": "other"})
    patch_status(control_plane, namespace, "fraud", conditions("NameTaken"))
    assert patch_spec(control_plane, namespace, "fraud", {"endpointName": "other"}) == ""
    assert patch_spec(control_plane, namespace, "fraud", {"endpointName": "another"}) == ""
    patch_status(control_plane, namespace, "fraud", conditions("Creating"))
    assert "cannot change" in patch_spec(control_plane, namespace, "fraud", {"endpointName": "third"})


def conditions(reason: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": "False", "reason": reason}]}


def test_spec_and_status_are_apart(control_plane: ControlPlane, namespace: str) -> None:
    apply(control_plane, example("fraud", namespace))
    before = get(control_plane, namespace, "fraud")["metadata"]["generation"]
    patch_status(control_plane, namespace, "fraud", {"endpointStatus": "InService"})
    assert get(control_plane, namespace, "fraud")["metadata"]["generation"] == before
    whole = json.dumps({"status": {"endpointStatus": "Failed"}})
    control_plane.kubectl("patch", "sme", "fraud", "-n", namespace, "--type=merge", "-p", whole)
    assert get(control_plane, namespace, "fraud")["status"]["endpointStatus"] == "InService"


def test_install_yaml_applies_without_a_warning(control_plane: ControlPlane) -> None:
    """Pod Security warns about a Deployment that is not restricted."""
    file = str(ROOT / "manifests/install.yaml")
    result = control_plane.kubectl("apply", "--server-side", "--dry-run=server", "-f", file)
    assert result.stderr == ""
    assert "deployment.apps/sagemaker-operator" in result.stdout


NOW = dt.datetime(2026, 11, 12, 9, 41, 7, tzinfo=dt.UTC)
FULL = api.Status(
    observed_generation=3,
    conditions=(api.Condition("Ready", "True", "InService", "Serving 8c2f10a94e on 3 of 3 instances.", 3, NOW),),
    endpoint_name="ml-fraud",
    endpoint_arn="arn:aws:sagemaker:eu-west-1:111122223333:endpoint/ml-fraud",
    url="https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/ml-fraud/invocations",
    region="eu-west-1",
    account_id="111122223333",
    endpoint_status="InService",
    last_handled_retry="2",
    failure=api.Failure("HealthCheckFailed", "Never answered GET /ping.", "Fix it.", ("line one", "line two")),
    revisions=api.Revisions(
        active="8c2f10a94e",
        target="c91f4403ad",
        active_config_name="ml-fraud-8c2f10a94e-5e10",
        target_config_name="ml-fraud-c91f4403ad-5e10",
        start_time=NOW,
        attempts=2,
        last_failed=api.FailedRevision("a20c6619d8", "HealthCheckFailed", "Never answered.", NOW),
        history=(api.ServedRevision("8c2f10a94e", "ml-fraud-8c2f10a94e-5e10", NOW),),
    ),
    variants=(api.VariantStatus("champion", "ml-fraud-m0f91c2ab34", "scorer:1", "sha256:0", "90", 2, 3),),
    effective=api.Effective("arn:aws:iam::111122223333:role/serving", "eu-west-1", {"champion": 1}, ("team",)),
    summary=api.Summary("InService", "QuotaExceeded", "champion=100", "2/3"),
)


def test_a_full_status_comes_back_as_it_was_written(control_plane: ControlPlane, namespace: str) -> None:
    """The API server drops what the CRD does not know, without a word."""
    apply(control_plane, example("fraud", namespace))
    written = encode(FULL)
    assert unset(written, SCHEMA["properties"]["status"]) == []
    patch_status(control_plane, namespace, "fraud", written)
    read = get(control_plane, namespace, "fraud")["status"]
    assert read == written
    assert decode(api.Status, read) == FULL


def unset(value: Any, schema: Mapping[str, Any], where: str = "status") -> list[str]:
    """Members of the schema that this value leaves out; the test above would not see them."""
    if "items" in schema:
        return [path for item in value for path in unset(item, schema["items"], f"{where}[]")]
    members = schema.get("properties", {})
    missing = [f"{where}.{name}" for name in members if name not in value]
    inside = (unset(value[n], member, f"{where}.{n}") for n, member in members.items() if n in value)
    return missing + [path for found in inside for path in found]


ROWS = {  # name: (Ready, status, Synced, revision, traffic, instances, reason, AWS, endpoint, region)
    "churn": ("False", "Creating", "False", "", "main=100", "0/2", "", "Creating", "ml-churn", "eu-west-1"),
    "fraud": (
        "True", "InService", "True", "8c2f10a94e", "champion=90,challenger=10", "3/3",
        "", "InService", "ml-fraud", "eu-west-1",
    ),
    "ranking": (
        "True", "RolledBack", "False", "77e5d01f3b", "main=100", "4/4",
        "HealthCheckFailed", "InService", "ml-ranking", "us-east-1",
    ),
    "search": (
        "False", "Deleting", "False", "", "main=100", "0/1",
        "EndpointBusy", "Creating", "ml-search", "eu-west-1",
    ),
}  # fmt: skip


def test_the_columns_read_well(control_plane: ControlPlane, namespace: str) -> None:
    for name, row in ROWS.items():
        body = yaml.safe_load(example("fraud", namespace))
        body["metadata"]["name"] = name
        apply(control_plane, yaml.safe_dump(body))
        patch_status(control_plane, namespace, name, status_of(row))
    table = control_plane.kubectl("get", "sme", "-n", namespace).stdout.splitlines()
    wide = control_plane.kubectl("get", "sme", "-n", namespace, "-o", "wide").stdout.splitlines()
    assert table[0].split() == ["NAME", "READY", "STATUS", "SYNCED", "REVISION", "TRAFFIC", "INSTANCES", "AGE"]
    assert wide[0].split()[7:] == ["AGE", "REASON", "AWS", "ENDPOINT", "REGION"]
    assert max(map(len, table)) <= 100
    assert not any(word in "\n".join(wide) for word in ("<none>", "<unknown>", "N/A"))
    assert table[2].split()[:-1] == ["fraud", *ROWS["fraud"][:6]]
    for (name, row), line in zip(ROWS.items(), wide[1:], strict=True):
        shown = line.split()
        assert [*shown[: -len(age_and_after(row))], *age_and_after(row)[1:]] == [name, *(cell for cell in row if cell)]


def age_and_after(row: tuple[str, ...]) -> list[str]:
    return ["AGE", *(cell for cell in row[6:] if cell)]


def status_of(row: tuple[str, ...]) -> dict[str, Any]:
    ready, status, synced, revision, traffic, instances, reason, raw, endpoint, region = row
    found: dict[str, Any] = encode(
        api.Status(
            conditions=(
                api.Condition("Ready", ready, "Seen"),  # type: ignore[arg-type] - a word of the table above
                api.Condition("Synced", synced, "Seen"),  # type: ignore[arg-type] - a word of the table above
            ),
            endpoint_name=endpoint,
            region=region,
            endpoint_status=raw,
            revisions=api.Revisions(active=revision or None),
            summary=api.Summary(status, reason, traffic, instances),
        )
    )
    return found


def object_paths(schema: Mapping[str, Any], where: str) -> Iterator[tuple[str, list[str]]]:
    inner = schema.get("items", schema)
    members = inner.get("properties", {})
    if members:
        yield where, list(members)
    for name, member in members.items():
        yield from object_paths(member, f"{where}.{name}")


EXPLAINED = [path for part in ("spec", "status") for path in object_paths(SCHEMA["properties"][part], f"sme.{part}")]


@pytest.mark.parametrize(("path", "members"), EXPLAINED, ids=[path for path, _ in EXPLAINED])
def test_explain_has_words_for_every_field(path: str, members: list[str], control_plane: ControlPlane) -> None:
    """The OpenAPI document follows the CRD after a moment."""
    eventually(lambda: control_plane.kubectl("explain", path, check=False).returncode == 0, f"kubectl explain {path}")
    said = control_plane.kubectl("explain", path).stdout
    assert "no description" not in said
    words = said[said.index("FIELDS:") :].split()
    assert [member for member in members if member not in words] == []


def test_explain_keeps_one_paragraph_a_line(control_plane: ControlPlane) -> None:
    """kubectl wraps by itself; a line wrapped in the CRD would be wrapped twice."""
    said = control_plane.kubectl("explain", "sme.spec.traffic").stdout
    assert "\n    Required from two variants on: exactly their names, at least one above 0.\n" in said
    assert max(map(len, said.splitlines())) <= 100
