"""The examples parse into the operator's own types, and install.yaml is made of the parts."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sagemaker_operator.api.codec import decode, encode
from sagemaker_operator.api.identity import endpoint_name
from sagemaker_operator.api.resource import GROUP, KIND, VERSION, ObjectKey
from sagemaker_operator.api.spec import EndpointSpec

ROOT = Path(__file__).parents[3]
MANIFESTS = ROOT / "manifests"
INSTALL_HEADER = """\
# Everything that the operator needs in a cluster, put together from crds/ and the files beside this one:
#   kubectl apply --server-side -f install.yaml
"""
PARTS = (
    ROOT / "crds/sagemakerendpoints.yaml",
    MANIFESTS / "namespace.yaml",
    MANIFESTS / "rbac.yaml",
    MANIFESTS / "user-roles.yaml",
    MANIFESTS / "deletion-protection.yaml",
    MANIFESTS / "deployment.yaml",
)


def examples() -> dict[str, dict[str, Any]]:
    loaded = {f.stem: yaml.safe_load(f.read_text(encoding="utf-8")) for f in (MANIFESTS / "examples").glob("*.yaml")}
    return {name: content for name, content in loaded.items() if content.get("kind") == KIND}


EXAMPLES = examples()


def test_the_examples_are_there() -> None:
    assert set(EXAMPLES) == {
        "fraud", "fraud-ab", "fraud-shift", "sklearn-iris", "own-image", "observe", "production",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_says_the_same_as_its_dataclass(name: str) -> None:
    """Nothing is lost on the way, so no member is misspelt or unknown to the operator."""
    example = EXAMPLES[name]
    spec = decode(EndpointSpec, example["spec"], "spec")
    defaults = {"deletionPolicy": "Delete", "deletionProtection": "Disabled", "managementPolicy": "Manage"}
    assert encode(spec) == {**defaults, **example["spec"]}
    assert example["apiVersion"] == f"{GROUP}/{VERSION}"
    assert example["metadata"]["namespace"] == "ml"


def test_the_three_fraud_files_are_steps_of_one_object() -> None:
    plain, ab, shift = (decode(EndpointSpec, EXAMPLES[n]["spec"]) for n in ("fraud", "fraud-ab", "fraud-shift"))
    assert {EXAMPLES[n]["metadata"]["name"] for n in ("fraud", "fraud-ab", "fraud-shift")} == {"fraud"}
    assert endpoint_name(ObjectKey("ml", "fraud"), plain.endpoint_name) == "ml-fraud"
    assert [v.name for v in plain.variants] == ["champion"]
    assert ab.variants == shift.variants
    assert ab.variants[0] == plain.variants[0]
    assert (ab.traffic, shift.traffic) == ({"champion": 90, "challenger": 10}, {"champion": 50, "challenger": 50})


def test_every_field_of_the_spec_is_in_an_example() -> None:
    crd = yaml.safe_load(PARTS[0].read_text(encoding="utf-8"))
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    shown = set().union(*(paths_in(example["spec"], spec) for example in EXAMPLES.values()))
    assert set(paths_in_schema(spec)) - shown == set()


def paths_in(value: Any, schema: Mapping[str, Any], where: str = "") -> set[str]:
    if isinstance(value, list):
        return set().union(*(paths_in(item, schema["items"], f"{where}[]") for item in value))
    if "properties" not in schema:
        return {where}
    return {where}.union(
        *(paths_in(value[k], s, f"{where}.{k}") for k, s in schema["properties"].items() if k in value)
    )


def paths_in_schema(schema: Mapping[str, Any], where: str = "") -> Iterator[str]:
    if "items" in schema:
        yield from paths_in_schema(schema["items"], f"{where}[]")
        return
    yield where
    for name, member in schema.get("properties", {}).items():
        yield from paths_in_schema(member, f"{where}.{name}")


def test_install_yaml_is_current() -> None:
    """Regenerate with UPDATE_GOLDEN=1."""
    wanted = INSTALL_HEADER + "---\n".join(part.read_text(encoding="utf-8") for part in PARTS)
    file = MANIFESTS / "install.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(wanted, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == wanted


def test_all_manifests_are_in_install_yaml() -> None:
    beside = {f for f in MANIFESTS.glob("*.yaml") if f.name != "install.yaml"}
    assert beside == {part for part in PARTS if part.parent == MANIFESTS}


def test_install_yaml_installs_in_order() -> None:
    kinds = [d["kind"] for d in yaml.safe_load_all((MANIFESTS / "install.yaml").read_text(encoding="utf-8"))]
    assert kinds == [
        "CustomResourceDefinition", "Namespace", "ServiceAccount",
        "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ClusterRole", "ClusterRole",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "Deployment",
    ]  # fmt: skip


def test_what_belongs_in_a_namespace_names_the_operators() -> None:
    for document in yaml.safe_load_all((MANIFESTS / "install.yaml").read_text(encoding="utf-8")):
        if document["kind"] in {"ServiceAccount", "Role", "RoleBinding", "Deployment"}:
            assert document["metadata"]["namespace"] == "sagemaker-operator"
