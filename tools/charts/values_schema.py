"""The part `test` of the load tester's values.schema.json, made from the schema of the test file: one source for both.

Helm reads draft 7 and compiles patterns by Go's rules.
"""

from collections.abc import Mapping
from typing import Any

_OWN_VALUES = ("endpoint", "workers")
"""Values of the chart itself; in the test they are refused."""
_TOGETHER = ("anyOf", "not", "oneOf", "dependentSchemas")
"""What members ask of each other. The chart's templates or the program itself say it in words."""


def with_test(schema: Mapping[str, Any], test_file: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the values with `test` as the schema of the test file has it; what else it may be stays."""
    definitions = test_file["$defs"]
    members = {name: _draft_7(member, definitions) for name, member in test_file["properties"].items()}
    members |= dict.fromkeys(_OWN_VALUES, False)
    test = {
        "type": schema["properties"]["test"].get("type", "object"),
        "additionalProperties": False,
        "properties": dict(sorted(members.items())),
    }
    return {**schema, "properties": {**schema["properties"], "test": test}}


def _draft_7(part: Any, definitions: Mapping[str, Any]) -> Any:
    """Without references, descriptions, and rules between members. A choice of plain values stays. A mapping may be
    null, which is how one file of values takes away what another has.
    """
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _draft_7(definitions[part["$ref"].rpartition("/")[2]], definitions)
    kept = {key: value for key, value in part.items() if key != "description"}
    if part.get("type") == "object":
        kept = {key: value for key, value in kept.items() if key not in _TOGETHER} | {"type": ["object", "null"]}
    if "properties" in kept:
        kept["properties"] = {name: _draft_7(member, definitions) for name, member in kept["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in kept:
            kept[key] = _draft_7(kept[key], definitions)
    return kept
