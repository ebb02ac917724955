"""tests/mutants.yaml: read, chosen from, and still fitting the files that it breaks."""

import re
from pathlib import Path

import pytest

from mutants import catalogue, cli
from mutants.catalogue import Mutant
from mutants.errors import MutantsError
from mutants.tree import edited

ROOT = Path(__file__).parents[3]
MUTANTS = catalogue.read(ROOT / "tests/mutants.yaml")
ENTRY = "{name: It adds., file: sums.py, find: a, replace: b, tests: [tests/test_toy.py]}"


def test_every_part_of_the_project_has_some() -> None:
    parts = {mutant.part for mutant in MUTANTS}
    operator = {"api", "plan", "aws", "kube", "reconcile", "main"}
    assert parts == operator | {"crds", "manifests", "local", "loadtest", "devcluster", "cluster", "demo", "bench"}
    assert len(MUTANTS) >= 35


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_an_entry_still_fits_the_tree(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert edited(mutant, text) != text
    for target in mutant.tests:
        path, _, test = target.partition("::")
        assert not test or f"def {test.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8"), target


def read(tmp_path: Path, text: str) -> tuple[Mutant, ...]:
    (tmp_path / "mutants.yaml").write_text(text)
    return catalogue.read(tmp_path / "mutants.yaml")


def test_an_entry_is_read_with_its_part(tmp_path: Path) -> None:
    assert read(tmp_path, f"toy: [{ENTRY}]") == (
        Mutant("toy", "It adds.", "sums.py", "a", "b", ("tests/test_toy.py",)),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "no mapping of parts"),
        ("toy: It adds.", "no mapping of parts"),
        ("{}", "lists no mutant"),
        ("toy: [", "cannot be read"),
        ("toy: [It adds.]", "does not have exactly file, find, name, replace, tests"),
        (f"toy: [{ENTRY.replace('find: a, ', '')}]", "does not have exactly"),
        (f"toy: [{ENTRY.replace('find: a', 'find: 1')}]", "'It adds.': name, file, find and replace are texts"),
        (f"toy: [{ENTRY.replace('find: a', 'find: ' + chr(39) * 2)}]", "find is not empty"),
        (f"toy: [{ENTRY.replace('[tests/test_toy.py]', '[]')}]", "'It adds.': tests is a list of at least one"),
        (f"toy: [{ENTRY}]\nother: [{ENTRY}]", "more than one mutant of the name 'It adds.'"),
    ],
)
def test_a_bad_file_is_told_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(MutantsError, match=re.escape(said)):
        read(tmp_path, text)


def test_words_choose_by_part_or_by_name_in_any_case() -> None:
    demo = [mutant for mutant in MUTANTS if mutant.part == "demo"]
    assert list(catalogue.chosen(MUTANTS, ["Demo"]))[-len(demo) :] == demo
    assert [m.name for m in catalogue.chosen(MUTANTS, ["KOPF never", "is free at once"])] == [
        "A Lease that was given back is free at once",
        "kopf never takes our finalizer away",
    ]
    assert catalogue.chosen(MUTANTS, []) == MUTANTS


def test_a_word_that_chooses_nothing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["no such behaviour"]) == 2
    assert "'no such behaviour' is in no mutant's name and no part; the parts are api, plan," in capsys.readouterr().out
