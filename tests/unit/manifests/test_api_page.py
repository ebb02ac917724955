"""docs/api.md carries the CRD's own descriptions, so that page and `kubectl explain` never differ."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/api.md"


def rows(schema: Mapping[str, Any], where: str, needed: bool) -> Iterator[str]:
    members = schema.get("properties", {})
    if where:
        kind = type_of(schema) + (", required" if needed else "")
        text = schema["description"].replace("<", "&lt;").replace("|", "\\|").replace("\n", "<br>")
        yield f"| `{where}` | {kind} | {text} |"
    inner = schema.get("items", schema)
    if inner is not schema:
        where, members = where + "[]", inner.get("properties", {})
    for name, member in members.items():
        yield from rows(member, f"{where}.{name}".lstrip("."), name in inner.get("required", ()))


def type_of(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "items" in schema:
        return f"list of {type_of(schema['items'])}"
    if "additionalProperties" in schema:
        return f"map of {type_of(schema['additionalProperties'])}"
    return "time" if schema.get("format") == "date-time" else str(schema["type"])


def with_tables(page: str) -> str:
    crd = yaml.safe_load((ROOT / "crds/sagemakerendpoints.yaml").read_text(encoding="utf-8"))
    parts = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for part in ("spec", "status"):
        table = "\n".join(["| Field | Type | |", "|---|---|---|", *rows(parts[part], "", needed=True)])
        marked = re.compile(rf"(<!-- {part}: made from the CRD -->\n).*?(<!-- end of {part} -->)", re.DOTALL)
        assert marked.search(page)
        page = marked.sub(lambda m, table=table: f"{m[1]}{table}\n{m[2]}", page)
    return page


def test_the_tables_of_the_page_are_current() -> None:
    """Regenerate with UPDATE_GOLDEN=1."""
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(page := with_tables(page), encoding="utf-8")
    assert page == with_tables(page)


def test_the_links_of_the_page_lead_somewhere() -> None:
    links = re.findall(r"\]\((\.\./[^)#]+)\)", PAGE.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
