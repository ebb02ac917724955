"""What the pages name exists: links, files, targets, flags; and README's example is one that works."""

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sagemaker_loadtest.command.cli import build_parser
from sagemaker_local.settings import parser as local_parser
from sagemaker_operator.api.codec import decode, encode
from sagemaker_operator.api.identity import Owner
from sagemaker_operator.api.resource import ObjectKey
from sagemaker_operator.api.spec import EndpointSpec
from sagemaker_operator.main.cli import parser as operator_parser
from sagemaker_operator.plan.desired import Defaults, build_desired
from sagemaker_operator.plan.images import image_table

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("manifests/**/*.md")]
    if ".venv" not in page.parts
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
Code = Callable[[str], list[str]]
each_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)

# Flags of programs that are not ours, as the pages use them.
OTHERS = {
    "kubectl": "server-side for timeout type overwrite watch validate",
    "aws": "role-name assume-role-policy-document policy-name policy-document endpoint-name query content-type body "
    "target-variant cli-binary-format model-name primary-container endpoint-config-name production-variants "
    "repository-name",
    "curl": "aws-sigv4",
    "docker": "target",
    "helm": "set-file",
    "AWS's controllers": "aws-endpoint-url",
    "mypy": "strict",
    "any of ours": "x-y",  # how flags and variables are named alike
}
FLAG = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")


def flags_of(parser: argparse.ArgumentParser) -> set[str]:
    """Of the command and its subcommands, without the hyphens."""
    found = {option[2:] for option in parser._option_string_actions if option.startswith("--")}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*(flags_of(sub) for sub in action.choices.values()))
    return found


COMMANDS = {
    "sagemaker-operator": flags_of(operator_parser()),
    "sagemaker-loadtest": flags_of(build_parser({})),
    "sagemaker-local": flags_of(local_parser()),
}
OURS = set().union(*COMMANDS.values())
THEIRS = {flag for flags in OTHERS.values() for flag in flags.split()}


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    """As they are made from headings: lower case, hyphens for spaces, the rest left out."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_all_pages_are_found() -> None:
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/guide.md", "docs/adr/README.md"} <= set(NAMES)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(read(target))):
            dead.append(link)
    assert dead == []


@each_page
def test_make_targets_exist(page: Path, code: Code) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", read(ROOT / "Makefile"), re.MULTILINE))
    named = {name for line in code(read(page)) for name in re.findall(r"(?:^|[;&|] *)make ([a-z][a-z-]*)", line)}
    assert named - targets == set()


@each_page
def test_examples_exist(page: Path) -> None:
    named = re.findall(r"manifests/examples/[\w./-]*[\w-]", read(page))
    assert [name for name in named if not (ROOT / name).exists()] == []


@each_page
def test_flags_exist(page: Path, code: Code) -> None:
    """On the line of one of our commands only that command's; elsewhere one that some command has."""
    unknown = set()
    for line in code(read(page)):
        ours = [flags for name, flags in COMMANDS.items() if re.search(rf"(?:^|[ /]){name} ", line)]
        allowed = ours[0] if len(ours) == 1 and not line.startswith(("kubectl", "aws", "curl")) else OURS | THEIRS
        unknown |= {(line, flag) for flag in FLAG.findall(line.partition("  #")[0]) if flag not in allowed}
    assert unknown == set()


@each_page
def test_no_page_names_a_host_of_packages(page: Path) -> None:
    """Where packages come from is the reader's own matter."""
    assert (
        re.findall(r"pypi\.org|pythonhosted|index-url|goproxy|proxy\.golang|npmjs|debian\.org", read(page), re.I) == []
    )


def test_the_code_of_a_page_is_seen(code: Code) -> None:
    page = "# Title\n    make one \\\n      two\n\ntext `make three` text\n- item\n    wrapped\n\n```\nmake four\n```\n"
    found = code(page)
    assert {"make one two", "make three", "make four"} <= set(found)
    assert "wrapped" not in found


EXAMPLE: dict[str, Any] = next(iter(yaml.safe_load_all(read(ROOT / "README.md").split("```yaml")[1].split("```")[0])))
FILE: dict[str, Any] = yaml.safe_load(read(ROOT / "manifests/examples/fraud.yaml"))


def test_the_readmes_example_is_the_file_that_its_commands_name() -> None:
    """But for the default that the file writes down. tests/integration/crd applies the file to a real API server."""
    assert {**EXAMPLE, "spec": {**EXAMPLE["spec"], "deletionPolicy": "Delete"}} == FILE
    assert "kubectl apply -f manifests/examples/fraud.yaml" in read(ROOT / "README.md")


def test_the_readmes_example_becomes_requests() -> None:
    spec = decode(EndpointSpec, EXAMPLE["spec"], "spec")
    key = ObjectKey(EXAMPLE["metadata"]["namespace"], EXAMPLE["metadata"]["name"])
    desired = build_desired(spec, Owner("c1", key, "u1"), Defaults(region="eu-west-1"), image_table())
    assert desired.endpoint_name == "ml-fraud"
    assert len(desired.models) == 1


def test_the_readmes_example_has_the_shape_of_the_crd() -> None:
    crd = yaml.safe_load(read(ROOT / "crds/sagemakerendpoints.yaml"))
    version = crd["spec"]["versions"][0]
    assert EXAMPLE["apiVersion"] == f"{crd['spec']['group']}/{version['name']}"
    assert EXAMPLE["kind"] == crd["spec"]["names"]["kind"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert list(misfits(EXAMPLE["spec"], schema, "spec")) == []
    assert list(misfits({**EXAMPLE["spec"], "colour": "red"}, schema, "spec")) == ["spec.colour is unknown"]
    assert encode(decode(EndpointSpec, EXAMPLE["spec"], "spec")).items() >= EXAMPLE["spec"].items()


def misfits(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    """Types, required and unknown members, choices; the rules need an API server."""
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if not isinstance(value, kinds[schema["type"]]):
        yield f"{where} is no {schema['type']}"
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from misfits(item, schema["items"], f"{where}[{number}]")
    elif isinstance(value, dict):
        members = schema.get("properties", dict.fromkeys(value, schema.get("additionalProperties")))
        yield from (f"{where}.{name} is unknown" for name in value if name not in members)
        yield from (f"{where}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name in value.keys() & members.keys():
            yield from misfits(value[name], members[name], f"{where}.{name}")
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{where} is none of {schema['enum']}"


def test_every_decision_is_in_the_index_in_order() -> None:
    folder = ROOT / "docs/adr"
    pages = sorted(page for page in folder.glob("*.md") if page.name != "README.md")
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.*) \|$", read(folder / "README.md"), re.MULTILINE)
    assert [(number, name) for number, name, _ in listed] == [(page.name[:4], page.name) for page in pages]
    for page in pages:
        assert read(page).startswith(f"# {page.name[:4]} ")
        assert re.findall(r"^## (.*)$", read(page), re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_picture_loads_nothing_and_is_described() -> None:
    picture = read(ROOT / "docs/architecture.svg")
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)|@import|@font-face|<image|url\((?!#)", picture) == []
    assert "<title" in picture
    assert "prefers-color-scheme: dark" in picture
