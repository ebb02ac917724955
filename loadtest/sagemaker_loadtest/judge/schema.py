"""JSON schemas of result and comparison, made from their dataclasses: docs/schemas/loadtest-result-v1.schema.json and
loadtest-comparison-v1.schema.json are these, written down.
"""

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

from sagemaker_loadtest import SCHEMA_VERSION
from sagemaker_loadtest.api.codec import json_name
from sagemaker_loadtest.judge.compare import COMPARISON_VERSION, Comparison
from sagemaker_loadtest.judge.result import Result

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def result_schema() -> dict[str, Any]:
    """JSON schema (2020-12) of result.json. Members may be added within version 1, so unknown ones are allowed."""
    description = _words(inspect.getdoc(inspect.getmodule(Result)) or "")
    return _schema(Result, f"Result of sagemaker-loadtest, version {SCHEMA_VERSION}", description, SCHEMA_VERSION)


def comparison_schema() -> dict[str, Any]:
    """JSON schema of what `compare --format json` prints; unknown members are allowed for the same reason."""
    title = f"Comparison of two results of sagemaker-loadtest, version {COMPARISON_VERSION}"
    return _schema(Comparison, title, _words(inspect.getdoc(Comparison) or ""), COMPARISON_VERSION)


def _schema(cls: type, title: str, description: str, version: int) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    _describe(cls, definitions)
    root = definitions.pop(cls.__name__)
    root["properties"]["schemaVersion"] = {"const": version}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        **{key: value for key, value in root.items() if key != "description"},
        "$defs": dict(sorted(definitions.items())),
    }


def _describe(cls: type, definitions: dict[str, Any]) -> dict[str, Any]:
    name = cls.__name__
    if name not in definitions:
        definitions[name] = {}
        hints = typing.get_type_hints(cls)
        fields = dataclasses.fields(cls)
        doc = inspect.getdoc(cls) or ""
        definitions[name] |= {
            "type": "object",
            **({"description": _words(doc)} if not doc.startswith(f"{name}(") else {}),
            "properties": {json_name(f.name): _kind(hints[f.name], definitions) for f in fields},
            "required": [json_name(f.name) for f in fields if _always(f)],
        }
    return {"$ref": f"#/$defs/{name}"}


def _always(field: "dataclasses.Field[Any]") -> bool:
    """Members with a default were added after the first release of the version; older results lack them."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _kind(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [_kind(a, definitions) for a in arguments if a is not type(None)]
        return {"anyOf": [*inner, {"type": "null"}]}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return {"type": "array", "items": _kind(arguments[0], definitions)}
        items = [_kind(a, definitions) for a in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _kind(arguments[1], definitions)}
    if dataclasses.is_dataclass(kind):
        return _describe(typing.cast("type", kind), definitions)
    return {"type": _PLAIN[kind]}


def _words(doc: str) -> str:
    return " ".join(doc.split())
