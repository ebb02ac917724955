"""The verdicts, on a toy: only a test that fails because of the edit has caught it."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster.progress import Terminal
from mutants import cli
from mutants.campaign import Campaign
from mutants.catalogue import Mutant
from mutants.errors import MutantsError
from mutants.suite import Suite
from mutants.tree import Tree
from mutants.trial import Verdict

SUM = "tests/test_toy.py::test_sum"
FIXTURE = "tests/test_toy.py::test_with_a_fixture"
LATE = "tests/test_toy.py::test_late_import"


def mutant(name: str, find: str = "a + b", replace: str = "a - b", *tests: str, **more: Any) -> Mutant:
    return Mutant("toy", name, more.get("file", "src/toy/sums.py"), find, replace, tests or (SUM,))


MUTANTS = [
    mutant("caught"),
    mutant("survives", "a + b", "b + a"),
    mutant("one of two tests is enough", "a + b", "a * b", FIXTURE, SUM),
    mutant("find is gone", "a / b", "a"),
    mutant("find is there twice", "a", "b"),
    mutant("file is gone", "a", "b", file="src/toy/product.py"),
    mutant("no Python", "a + b", "a +"),
    mutant("nothing changes", "a + b", "(a + b)"),
    mutant("the module cannot be imported", "READY = True", "import nowhere"),
    mutant("an import inside the test fails", "import add", "import subtract", LATE, file="src/toy/late.py"),
    mutant("only the fixture fails", "READY = True", "READY = False", FIXTURE),
]


@pytest.fixture(scope="module")
def verdicts(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    with Campaign(checkout, tmp_path_factory.mktemp("campaign"), jobs=2) as campaign:
        assert list(campaign.check([m for m in MUTANTS if m.file != "src/toy/product.py"]))
        return {verdict.mutant.name: verdict for verdict in campaign.judge(MUTANTS) if verdict is not None}


@pytest.mark.parametrize("name", ["caught", "one of two tests is enough"])
def test_a_failed_test_has_caught_it(verdicts: dict[str, Verdict], name: str) -> None:
    assert (verdicts[name].word, verdicts[name].why) == ("caught", "test_sum")


def test_without_a_failed_test_it_survived(verdicts: dict[str, Verdict]) -> None:
    assert verdicts["survives"].word == "survived"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("find is gone", "`find` occurs 0 times in src/toy/sums.py, not once"),
        ("find is there twice", "`find` occurs 3 times"),
        ("file is gone", "there is no file src/toy/product.py"),
        ("no Python", "is no Python"),
        ("nothing changes", "`replace` changes nothing"),
        ("the module cannot be imported", "No module named 'nowhere'"),
        ("an import inside the test fails", "test_late_import did not get to a behaviour: ImportError"),
        ("only the fixture fails", "no test failed, but pytest ended with 1"),
    ],
)
def test_what_shows_nothing_is_a_broken_entry(verdicts: dict[str, Verdict], name: str, why: str) -> None:
    assert verdicts[name].word == "broken"
    assert why in verdicts[name].why


def test_every_mutant_is_judged(verdicts: dict[str, Verdict]) -> None:
    assert sorted(verdicts) == sorted(each.name for each in MUTANTS)


def test_the_checkout_is_left_alone_and_what_git_ignores_stays_there(
    verdicts: dict[str, Verdict], checkout: Path, tmp_path: Path
) -> None:
    assert "return a + b" in (checkout / "src/toy/sums.py").read_text()
    assert {path.name for path in checkout.rglob("*.pyc")} == set()
    tree = Tree.copied(checkout, tmp_path / "copy")
    assert (tree.root / "tests/test_toy.py").exists()
    assert not (tree.root / "secret").exists()


def test_the_copy_is_what_is_imported_and_it_is_whole_afterwards(checkout: Path, tmp_path: Path) -> None:
    tree = Tree.copied(checkout, tmp_path / "copy")
    suite = Suite(tree, tmp_path / "scratch")
    assert suite.run(["tests/test_toy.py::test_the_copy_is_imported"]).exit_code == 0
    with tree.broken(MUTANTS[0]):
        [failure] = suite.run([SUM]).failures
        assert (failure.test, failure.why) == ("test_sum", "assert -1 == 5")
    assert suite.run([SUM]).exit_code == 0


def test_packages_that_another_place_provides_are_refused(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "src/sys").mkdir(parents=True)
    for name in ("pyproject.toml", "src/sys/__init__.py"):
        (tmp_path / name).write_bytes((checkout / name).read_bytes() if "/" not in name else b"")
    Tree.copied(checkout, tmp_path / "good")
    with pytest.raises(MutantsError, match="built-in"):
        Tree(tmp_path).require_own_packages()


def test_without_a_checkout_the_message_says_so(tmp_path: Path) -> None:
    with pytest.raises(MutantsError, match="must be a checkout"):
        Tree.copied(tmp_path, tmp_path / "copy")


@pytest.mark.parametrize("target", ["tests/test_toy.py::test_nowhere", "tests/nowhere.py"])
def test_a_target_that_is_not_there_ends_the_run(checkout: Path, tmp_path: Path, target: str) -> None:
    with Campaign(checkout, tmp_path, jobs=1) as campaign, pytest.raises(MutantsError, match="not found"):
        list(campaign.check([mutant("x", "a + b", "a", target)]))


def shown(checkout: Path, *mutants: Mutant) -> tuple[int, list[str]]:
    stream = io.StringIO()
    code = cli.run(mutants, checkout, 1, Terminal(stream))
    return code, stream.getvalue().splitlines()


def test_a_line_for_each_and_a_summary(checkout: Path) -> None:
    code, lines = shown(checkout, mutant("It adds."))
    assert code == 0
    assert lines[0].startswith("[ok] The tests pass without a mutant")
    assert lines[1].split()[:2] == ["caught", "toy"]
    assert lines[1].endswith("It adds.")
    assert lines[2].startswith("1 mutant: 1 caught, in ")


def test_a_survivor_is_shown_with_its_edit_and_fails_the_run(checkout: Path) -> None:
    code, lines = shown(checkout, mutant("It adds."), mutant("It adds in order.", "a + b", "b + a"))
    assert code == 1
    at = next(number for number, line in enumerate(lines) if line.lstrip().startswith("SURVIVED"))
    assert "src/toy/sums.py: 'a + b' became 'b + a'" in lines[at + 1]
    assert lines[-1].startswith("2 mutants: 1 caught, 1 survived, in ")


def test_tests_that_fail_anyway_catch_nothing(checkout: Path, tmp_path: Path) -> None:
    broken = Campaign(checkout, tmp_path, jobs=1)
    (tmp_path / "tree-0/src/toy/sums.py").write_text("READY = True\n\n\ndef add(a, b):\n    return 0\n")
    with broken, pytest.raises(MutantsError, match="assert 0 == 5"):
        list(broken.check([mutant("x")]))


@pytest.fixture
def blocking(checkout: Path, tmp_path: Path) -> Callable[[], Campaign]:
    """A campaign whose one test writes to a pipe that somebody has to read, and then goes on for ever."""
    pipe = tmp_path / "pipe"
    test = f"import time\ndef test_sum():\n    open({str(pipe)!r}, 'w').write('here')\n    time.sleep(999)\n"

    def start() -> Campaign:
        campaign = Campaign(checkout, tmp_path / "campaign", jobs=1)
        (tmp_path / "campaign/tree-0/tests/test_toy.py").write_text(test)
        return campaign

    return start


def interrupt(campaign: Campaign, pipe: Path) -> None:
    for verdict in campaign.judge([mutant("x")]):
        assert verdict is None
        assert pipe.read_text() == "here"
        raise KeyboardInterrupt


def test_leaving_early_ends_the_tests_under_way(blocking: Callable[[], Campaign], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(KeyboardInterrupt), blocking() as campaign:
        interrupt(campaign, tmp_path / "pipe")
