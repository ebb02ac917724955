"""The CRD and the operator's dataclasses describe one API: same fields, types and required members, both ways."""

import dataclasses
import datetime as dt
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sagemaker_operator.api import resource
from sagemaker_operator.api.codec import json_name
from sagemaker_operator.api.spec import EndpointSpec
from sagemaker_operator.api.status import Status
from sagemaker_operator.plan.images import image_table

ROOT = Path(__file__).parents[3]
CRD = yaml.safe_load((ROOT / "crds/sagemakerendpoints.yaml").read_text(encoding="utf-8"))
VERSION = CRD["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]

SCALARS = {str: "string", int: "integer", bool: "boolean", dt.datetime: "string"}


def disagreements(kind: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    """What the schema and the type say differently, one line each."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        yield from disagreements(next(a for a in arguments if a is not types.NoneType), schema, where)
    elif origin is tuple:
        yield from expect(schema, "array", where)
        yield from disagreements(arguments[0], schema.get("items", {}), f"{where}[]")
    elif origin is typing.Literal:
        yield from expect(schema, "string", where)
        if set(schema.get("enum", ())) != set(arguments):
            yield f"{where}: enum {schema.get('enum')} is not {arguments}"
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from expect(schema, "object", where)
        yield from disagreements(arguments[1], schema.get("additionalProperties", {}), f"{where}{{}}")
    elif dataclasses.is_dataclass(kind):
        yield from expect(schema, "object", where)
        yield from dataclass_disagreements(kind, schema, where)
    else:
        yield from expect(schema, SCALARS[kind], where)
        if (kind is dt.datetime) != (schema.get("format") == "date-time"):
            yield f"{where}: format {schema.get('format')} for {kind.__name__}"


def dataclass_disagreements(kind: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    hints = typing.get_type_hints(kind)
    fields = {json_name(f.name): f for f in dataclasses.fields(kind)}
    properties = schema.get("properties", {})
    yield from (f"{where}.{name}: only in the CRD" for name in properties.keys() - fields.keys())
    yield from (f"{where}.{name}: only in {kind.__name__}" for name in fields.keys() - properties.keys())
    needed = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    if needed != set(schema.get("required", ())):
        yield f"{where}: required {schema.get('required')} is not {sorted(needed)}"
    for name in fields.keys() & properties.keys():
        yield from disagreements(hints[fields[name].name], properties[name], f"{where}.{name}")


def expect(schema: Mapping[str, Any], type_: str, where: str) -> Iterator[str]:
    if schema.get("type") != type_:
        yield f"{where}: type {schema.get('type')} is not {type_}"


def schema_nodes(schema: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield where, schema
    for name, member in schema.get("properties", {}).items():
        yield from schema_nodes(member, f"{where}.{name}")
    if "items" in schema:
        yield from schema_nodes(schema["items"], f"{where}[]")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from schema_nodes(schema["additionalProperties"], f"{where}{{}}")


NODES = {where: node for part in ("spec", "status") for where, node in schema_nodes(SCHEMA["properties"][part], part)}


@pytest.mark.parametrize(("kind", "part"), [(EndpointSpec, "spec"), (Status, "status")])
def test_the_crd_and_the_dataclasses_agree(kind: type, part: str) -> None:
    assert list(disagreements(kind, SCHEMA["properties"][part], part)) == []


def test_a_disagreement_would_be_seen() -> None:
    @dataclasses.dataclass
    class Other:
        endpoint_name: int
        extra: str | None = None

    found = set(
        disagreements(Other, {"type": "object", "properties": {"endpointName": {"type": "string"}, "more": {}}}, "spec")
    )
    assert found == {
        "spec.more: only in the CRD",
        "spec.extra: only in Other",
        "spec: required None is not ['endpointName']",
        "spec.endpointName: type string is not integer",
    }


@pytest.mark.parametrize("where", sorted(NODES))
def test_every_field_is_described_without_schema_default(where: str) -> None:
    node = NODES[where]
    assert len(node.get("description", "")) > 10, "kubectl explain would be silent"
    assert "default" not in node, "defaults are resolved by the operator and shown in status.effective"
    assert not any(key.startswith("x-kubernetes-preserve") for key in node)


@pytest.mark.parametrize("where", sorted(where for where in NODES if where.startswith("spec")))
def test_what_a_person_types_is_bounded(where: str) -> None:
    """The API server estimates the cost of a rule from these bounds."""
    node = NODES[where]
    bound = {"string": {"maxLength", "enum"}, "array": {"maxItems"}}.get(node["type"], set())
    if "additionalProperties" in node:
        bound = {"maxProperties"}
    assert not bound or bound & node.keys()


def test_every_rule_has_a_message_for_people() -> None:
    rules = [rule for node in (SCHEMA, *NODES.values()) for rule in node.get("x-kubernetes-validations", ())]
    assert len(rules) > 30
    for rule in rules:
        message = rule.get("message") or rule["messageExpression"]
        assert "must match" not in message
        assert not message.rstrip("' ").endswith("."), "kubectl puts a full stop of its own or none"


def test_names_are_those_of_the_operator() -> None:
    names = CRD["spec"]["names"]
    assert CRD["metadata"]["name"] == f"{resource.PLURAL}.{resource.GROUP}"
    assert (CRD["spec"]["group"], VERSION["name"]) == (resource.GROUP, resource.VERSION)
    assert (names["kind"], names["plural"]) == (resource.KIND, resource.PLURAL)
    assert (names["shortNames"], names["categories"]) == (["sme"], ["sagemaker", "mlops"])
    assert CRD["spec"]["scope"] == "Namespaced"
    assert VERSION["subresources"] == {"status": {}}


def test_columns_read_fields_that_exist() -> None:
    columns = [(c["name"], c.get("priority", 0), c["jsonPath"]) for c in VERSION["additionalPrinterColumns"]]
    assert [name for name, priority, _ in columns if not priority] == [
        "Ready", "Status", "Synced", "Revision", "Traffic", "Instances", "Age",
    ]  # fmt: skip
    assert [name for name, priority, _ in columns if priority] == ["Reason", "AWS", "Endpoint", "Region"]
    for _, _, path in columns:
        if path.startswith(".status.conditions"):
            assert path in {f'.status.conditions[?(@.type=="{type_}")].status' for type_ in ("Ready", "Synced")}
        elif path.startswith(".status"):
            assert path.removeprefix(".") in NODES


def test_frameworks_and_versions_are_those_of_the_image_table() -> None:
    """A version that the operator knows is accepted at apply, and no other."""
    framework = NODES["spec.variants[].containers[].framework"]
    rules = [rule["rule"] for rule in framework["x-kubernetes-validations"]]
    table = image_table().frameworks

    def listed(rule: str) -> list[str]:
        return [str(item) for item in yaml.safe_load(rule[rule.index("[") : rule.index("]") + 1])]

    assert listed(rules[0]) == list(table)
    for name, images in table.items():
        rule, expression = next(
            (r["rule"], r["messageExpression"])
            for r in framework["x-kubernetes-validations"]
            if f"!= '{name}'" in r["rule"]
        )
        assert listed(rule) == list(images.tags)
        assert ", ".join(images.tags) in expression
