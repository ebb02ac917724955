"""Requests against the API's model, in the words of AWS's validator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.operations.registry import OPERATIONS
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.control.wire.patterns import compiled
from sagemaker_local.control.wire.service import operation_model, resource_name
from sagemaker_local.control.wire.validation import validated


def check(operation: str, document: Any) -> Any:
    return validated(operation_model(operation).input, document)


def refusal(operation: str, document: Any) -> str:
    with pytest.raises(ApiError) as caught:
        check(operation, document)
    assert caught.value.status == 400
    return f"{caught.value.code}: {caught.value.message}"


ARN = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/e"


@pytest.mark.parametrize(
    ("operation", "document", "said"),
    [
        ("DescribeEndpoint", {}, "1 validation error detected: Value null at 'endpointName' failed to satisfy "
         "constraint: Member must not be null"),
        ("CreateEndpoint", {"EndpointName": None, "EndpointConfigName": None}, "2 validation errors detected: Value "
         "null at 'endpointName' failed to satisfy constraint: Member must not be null; Value null at "
         "'endpointConfigName' failed to satisfy constraint: Member must not be null"),
        ("DescribeEndpoint", {"EndpointName": "a_b"}, "1 validation error detected: Value 'a_b' at 'endpointName' "
         "failed to satisfy constraint: Member must satisfy regular expression pattern: "
         "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
        ("ListModels", {"MaxResults": 101}, "1 validation error detected: Value '101' at 'maxResults' failed to "
         "satisfy constraint: Member must have value less than or equal to 100"),
        ("ListModels", {"SortOrder": "Up"}, "1 validation error detected: Value 'Up' at 'sortOrder' failed to satisfy "
         "constraint: Member must satisfy enum value set: [Ascending, Descending]"),
        ("DeleteTags", {"ResourceArn": ARN, "TagKeys": []}, "1 validation error detected: Value '[]' at 'tagKeys' "
         "failed to satisfy constraint: Member must have length greater than or equal to 1"),
        ("AddTags", {"ResourceArn": ARN, "Tags": [{"Key": "k", "Value": "v"}, {"Key": "a*b"}]}, "2 validation errors "
         "detected: Value 'a*b' at 'tags.2.member.key' failed to satisfy constraint: Member must satisfy regular "
         r"expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*); Value null at 'tags.2.member.value' failed to satisfy "
         "constraint: Member must not be null"),
        ("CreateModel", {"ModelName": "m", "PrimaryContainer": {"Environment": {"1x": "v"}}}, "1 validation error "
         "detected: Value '1x' at 'primaryContainer.environment.key' failed to satisfy constraint: Member must "
         "satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]*"),
        ("DescribeModel", {"ModelName": "m", "Modelname": "m"}, "1 validation error detected: Value 'm' at 'Modelname' "
         "failed to satisfy constraint: Member must be a member of DescribeModelInput: ModelName"),
    ],
)  # fmt: skip
def test_a_violated_constraint_is_named_as_aws_names_it(operation: str, document: Any, said: str) -> None:
    assert refusal(operation, document) == f"ValidationException: {said}"


@pytest.mark.parametrize(
    ("operation", "document", "said"),
    [
        ("DescribeModel", "text", "The body must be a JSON object, not a string."),
        ("DescribeModel", None, "The body must be a JSON object, not null."),
        ("DescribeModel", {"ModelName": True}, "modelName must be a string, not a boolean."),
        ("ListModels", {"MaxResults": 1.5}, "maxResults must be an integer, not a number."),
        ("ListModels", {"MaxResults": True}, "maxResults must be an integer, not a boolean."),
        ("ListModels", {"CreationTimeAfter": "yesterday"},
         "creationTimeAfter must be seconds since the epoch or an ISO 8601 time."),
        ("ListModels", {"CreationTimeAfter": []}, "creationTimeAfter must be seconds since the epoch, not an array."),
        ("CreateModel", {"ModelName": "m", "Containers": {}}, "containers must be a JSON array, not an object."),
        ("CreateModel", {"ModelName": "m", "PrimaryContainer": {"Environment": []}},
         "primaryContainer.environment must be a JSON object, not an array."),
        ("CreateModel", {"ModelName": "m", "EnableNetworkIsolation": 1},
         "enableNetworkIsolation must be true or false, not a number."),
        ("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e", "DesiredWeightsAndCapacities": [
            {"VariantName": "a", "DesiredWeight": float("nan")}]},
         "desiredWeightsAndCapacities.1.member.desiredWeight must be a finite number."),
    ],
)  # fmt: skip
def test_a_wrong_json_type_is_a_serialisation_error(operation: str, document: Any, said: str) -> None:
    assert refusal(operation, document) == f"SerializationException: {said}"


def test_null_members_are_absent_and_times_are_seconds() -> None:
    found = check("ListModels", {"NextToken": None, "CreationTimeAfter": "2026-01-01T00:00:00Z", "MaxResults": 5})
    assert found == {"CreationTimeAfter": 1767225600.0, "MaxResults": 5}
    assert check("ListModels", {"CreationTimeAfter": 1767225600}) == {"CreationTimeAfter": 1767225600.0}


def test_a_long_value_is_shown_shortened() -> None:
    assert len(refusal("DescribeModel", {"ModelName": "x" * 10_000})) < 1000


def _patterns(shape: Any, seen: set[str]) -> list[str]:
    if shape.name in seen:
        return []
    seen.add(shape.name)
    below = {
        "structure": lambda: list(shape.members.values()),
        "list": lambda: [shape.member],
        "map": lambda: [shape.key, shape.value],
    }.get(shape.type_name, list)()
    own = [shape.metadata["pattern"]] if "pattern" in shape.metadata else []
    return own + [pattern for each in below for pattern in _patterns(each, seen)]


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_pattern_of_a_served_operation_is_checked(operation: str) -> None:
    for pattern in _patterns(operation_model(operation).input, set()):
        assert compiled(pattern) is not None, pattern


@pytest.mark.parametrize(
    ("value", "fits"),
    [("größe 名前 ١", True), ("a/b:c.d=e+f-g@h_i", True), ("a*b", False), ("a;b", False), ("🙂", False)],
)
def test_unicode_classes_mean_what_they_mean_in_java(value: str, fits: bool) -> None:
    expression = compiled(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)")
    assert expression is not None
    assert bool(expression.fullmatch(value)) is fits


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=12,
)
MEMBERS = st.sampled_from(
    [
        "ModelName",
        "PrimaryContainer",
        "Containers",
        "Image",
        "Environment",
        "Tags",
        "Key",
        "Value",
        "VpcConfig",
        "Subnets",
    ]
)
LIKELY = st.recursive(
    JSON,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(MEMBERS, children, max_size=5),
    max_leaves=12,
)


@given(LIKELY)
def test_whatever_is_sent_is_either_clean_or_refused(document: Any) -> None:
    try:
        code, found = "", check("CreateModel", document)
    except ApiError as refused:
        code, found = refused.code, {"ModelName": ""}
    assert code in ("", "ValidationException", "SerializationException")
    assert isinstance(found["ModelName"], str)


def test_the_main_resource_is_known_before_validation() -> None:
    def named(operation: str, document: object) -> str:
        return resource_name(operation_model(operation), document)

    assert named("CreateEndpoint", {"EndpointConfigName": "c", "EndpointName": "e"}) == "e"
    assert named("UpdateEndpointWeightsAndCapacities", {"EndpointName": "e"}) == "e"
    assert named("AddTags", {"ResourceArn": ARN}) == "e"
    assert named("ListModels", {"NameContains": "x"}) == ""
    assert named("CreateModel", {"ModelName": 1}) == ""
    assert named("CreateModel", []) == ""
    with pytest.raises(KeyError):
        operation_model("NoSuchOperation")
