"""The guide explains every reason and every event that the operator can give, and none that it cannot."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OPERATOR = ROOT / "operator/sagemaker_operator"
FILES = [*sorted((OPERATOR / "plan").glob("*.py")), OPERATOR / "aws/errors.py"]
GUIDE = (ROOT / "docs/guide.md").read_text(encoding="utf-8")

# The position of the reason among the arguments of what carries one.
REASONS = {"Verdict": 1, "Problem": 0, "FailureClass": 1, "Condition": 2}
EVENTS = {"Event": 1}
WORD = re.compile(r"[A-Z][A-Za-z]+")


def given(positions: dict[str, int]) -> set[str]:
    """The words that stand at these positions, in all files; a name stands for what its function assigns to it."""
    return {word for file in FILES for word in words_in(ast.parse(file.read_text(encoding="utf-8")), positions)}


def words_in(module: ast.Module, positions: dict[str, int]) -> Iterator[str]:
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    for scope in [*functions, *(node for node in module.body if not isinstance(node, ast.FunctionDef))]:
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for reason in arguments(node, positions):
                    yield from constants(reason, scope)


def arguments(call: ast.Call, positions: dict[str, int]) -> Iterator[ast.expr]:
    assert isinstance(call.func, ast.Name)
    position = positions.get(call.func.id)
    if position is not None and len(call.args) > position:
        yield call.args[position]
    if position is not None or (call.func.id == "replace" and "Condition" in positions):
        yield from (keyword.value for keyword in call.keywords if keyword.arg == "reason")


def constants(expression: ast.expr, scope: ast.AST) -> Iterator[str]:
    if isinstance(expression, ast.Name):
        for node in ast.walk(scope):
            if isinstance(node, ast.Assign):
                yield from assigned(node, expression.id)
    elif isinstance(expression, ast.IfExp):
        yield from constants(expression.body, scope)
        yield from constants(expression.orelse, scope)
    elif (
        isinstance(expression, ast.Constant) and isinstance(expression.value, str) and WORD.fullmatch(expression.value)
    ):
        yield expression.value


def assigned(node: ast.Assign, name: str) -> Iterator[str]:
    for target in node.targets:
        if isinstance(target, ast.Name) and target.id == name:
            yield from constants(node.value, ast.Module([], []))
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            for each, value in zip(target.elts, node.value.elts, strict=True):
                if isinstance(each, ast.Name) and each.id == name:
                    yield from constants(value, ast.Module([], []))


def explained(heading: str) -> set[str]:
    """The words in the first column of the table under the heading."""
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    assert section, f"docs/guide.md has no section {heading!r}"
    cells = re.findall(r"^\|([^|]*)\|", section[1], re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([A-Z][A-Za-z]+)`", cell)}


@pytest.mark.parametrize(("heading", "positions"), [("Reasons", REASONS), ("Events", EVENTS)])
def test_the_guide_explains_exactly_what_the_operator_says(heading: str, positions: dict[str, int]) -> None:
    said, told = given(positions), explained(heading)
    assert len(said) > 8
    assert sorted(said - told) == [], "given by the operator and not explained"
    assert sorted(told - said) == [], "explained and never given"


def test_every_way_of_giving_a_reason_is_seen() -> None:
    """One of each: a literal, a choice, a name, a pair of names, a row of a table, a replaced condition."""
    module = ast.parse(
        "def f(x):\n"
        "    word, what = 'Paired', 'text with spaces'\n"
        "    named = 'Named'\n"
        "    Verdict('True', word)\n"
        "    Verdict('True', 'Literal' if x else named)\n"
        "    Problem('Classified', 'words')\n"
        "    replace(x, reason='Replaced')\n"
        "ROW = (FailureClass('pattern', 'Row', 'words'),)\n"
    )
    assert set(words_in(module, REASONS)) == {"Paired", "Literal", "Named", "Classified", "Replaced", "Row"}
