"""A chart's table of values, from the comments of its values.yaml: `# -- text` above a key makes a row."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

_MARK = "# -- "
BEGIN, END = "<!-- values -->", "<!-- /values -->"


@dataclass(frozen=True, slots=True)
class Value:
    """One row. `text` is empty for a leaf that nobody describes."""

    path: str
    default: str
    text: str


def values_of(path: Path) -> tuple[Value, ...]:
    """The described values and the leaves that lie below no described one, in the order of the file."""
    source = path.read_text(encoding="utf-8")
    root = yaml.compose(source, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{path} is no mapping")
    return tuple(_walk(root, "", source.splitlines()))


def _walk(node: yaml.MappingNode, prefix: str, lines: list[str]) -> Iterator[Value]:
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        text = _comment(lines, key.start_mark.line)
        if text:
            yield Value(path, _default(value), text)
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from _walk(value, f"{path}.", lines)
        else:
            yield Value(path, _default(value), "")


def _comment(lines: list[str], line: int) -> str:
    above = lines[line - 1].strip() if line else ""
    return above.removeprefix(_MARK) if above.startswith(_MARK) else ""


def _default(node: yaml.Node) -> str:
    loader = yaml.SafeLoader("")
    return json.dumps(loader.construct_object(node, deep=True), ensure_ascii=False)


def table(values: tuple[Value, ...]) -> str:
    """As Markdown."""
    rows = [f"| `{v.path}` | `{v.default}` | {v.text} |".replace("`null`", "") for v in values]
    return "\n".join(["| Value | Default | Meaning |", "|---|---|---|", *rows])


def with_table(page: str, values: tuple[Value, ...]) -> str:
    """The page with a fresh table between its two marks. Raises ValueError for a page without them."""
    head, _, rest = page.partition(BEGIN)
    _, found, tail = rest.partition(END)
    if not found:
        raise ValueError(f"no {BEGIN} … {END} in the page")
    return f"{head}{BEGIN}\n{table(values)}\n{END}{tail}"
