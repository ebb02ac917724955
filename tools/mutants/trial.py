"""One mutant put to the test."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mutants.catalogue import Mutant
from mutants.errors import MutantsError
from mutants.suite import Suite, SuiteResult
from mutants.tree import BrokenEntryError, Tree

_NO_BEHAVIOUR = ("ImportError", "ModuleNotFoundError", "SyntaxError", "NameError")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`caught`: a test failed. `survived`: none did. `broken`: the entry shows nothing; `why` says which or why."""

    mutant: Mutant
    word: Literal["caught", "survived", "broken"]
    why: str
    seconds: float


def require_passing(suite: Suite, targets: Sequence[str]) -> None:
    """A test that fails without any mutant catches none. Raises MutantsError with the end of what pytest said."""
    result = suite.run(targets)
    if result.exit_code:
        raise MutantsError(f"The tests do not pass as the tree is; mend that first. pytest says:\n{result.said}")


def put_to_test(mutant: Mutant, tree: Tree, suite: Suite) -> Verdict:
    """The mutant's tests run on the broken tree, which is whole again afterwards."""
    started = time.monotonic()
    try:
        with tree.broken(mutant):
            word, why = _judge(suite.run(mutant.tests))
    except BrokenEntryError as error:
        word, why = "broken", str(error)
    return Verdict(mutant, word, why, time.monotonic() - started)


def _judge(result: SuiteResult) -> tuple[Literal["caught", "survived", "broken"], str]:
    if result.exit_code == 0:
        return "survived", "every test of the entry passed"
    if result.exit_code != 1 or not result.failures:
        return "broken", f"no test failed, but pytest ended with {result.exit_code}:\n{result.said}"
    first = result.failures[0]
    if first.why.startswith(_NO_BEHAVIOUR):
        return "broken", f"{first.test} did not get to a behaviour: {first.why}"
    return "caught", first.test
