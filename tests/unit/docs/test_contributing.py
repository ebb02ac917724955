"""Every path and symbol that CONTRIBUTING names is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TOP = {path.name for path in ROOT.iterdir()}
WALK = PAGE.split("## How a field travels")[1].split("\n## ")[0]
ROWS = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in re.findall(r"^\| `.*\|$", WALK, re.MULTILINE)]


def tokens(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", re.sub(r"^    .*$", "", text, flags=re.MULTILINE))


def names_in(path: Path) -> set[str]:
    """What a Python file defines, assigns or has as a text, members and tests included; the words of any other file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return set(defined(ast.parse(text)))
    return set(re.findall(r"\w+(?::\w+)?", text))


def defined(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_paths_exist() -> None:
    """Whatever begins like something in the root of the repository."""
    paths = {token for token in tokens(PAGE) if token.split("/")[0] in TOP and " " not in token}
    assert len(paths) > 30
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def test_the_walk_has_its_rows() -> None:
    assert len(ROWS) >= 15
    assert all(len(row) == 4 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0].strip("`") for row in ROWS])
def test_the_place_of_a_step_is_in_its_file(row: list[str]) -> None:
    (file,) = tokens(row[0])
    names = names_in(ROOT / file)
    assert [place for place in tokens(row[1]) if place not in names] == []


def test_every_symbol_is_somewhere() -> None:
    """Bare identifiers of the page, wherever in our own Python, Makefile or CRD they are."""
    symbols = {token for token in tokens(PAGE) if re.fullmatch(r"_?[A-Za-z]+(?:[_A-Z][A-Za-z_]*)+|[A-Z_]{3,}", token)}
    sources = [
        path
        for folder in ("operator", "local", "tests", "tools", "crds", "manifests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".yaml", ".json")
    ]
    known = set().union(*(set(re.findall(r"\w+", path.read_text(encoding="utf-8"))) for path in sources))
    assert len(symbols) > 12
    assert sorted(symbols - known) == []


def test_the_house_rules_are_ten() -> None:
    rules = PAGE.split("## House rules")[1].split("\n## ")[0]
    assert re.findall(r"^(\d+)\. ", rules, re.MULTILINE) == [str(number) for number in range(1, 11)]
