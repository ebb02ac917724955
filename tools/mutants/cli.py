"""The command: mutants in, one line each out, and an exit code."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from devcluster.progress import Progress, Terminal, duration
from mutants import catalogue
from mutants.campaign import Campaign
from mutants.catalogue import Mutant
from mutants.errors import MutantsError
from mutants.trial import Verdict

ROOT = Path(__file__).parents[2]
_CATALOGUE = "tests/mutants.yaml"
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every mutant was caught. 1: one was not, or shows nothing. 2: none could be judged. 130: interrupted."""
    parser = argparse.ArgumentParser(
        prog="mutants",
        description="Breaks one named behaviour at a time in a copy of the tree; the tests named for it must fail.",
        epilog=f"The mutants: {_CATALOGUE}. Exit code 0: all were caught; 1: not; 2: it cannot begin; 130: stopped.",
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="only mutants with it in their name, or of this part")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="tested at the same time (%(default)s)")
    parser.add_argument("--tree", type=Path, default=ROOT, help="the checkout (this one)")
    given = parser.parse_args(arguments)
    if given.jobs < 1:
        parser.error(f"--jobs is {given.jobs}; write 1 or more")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = Terminal(sys.stdout)
    try:
        mutants = catalogue.chosen(catalogue.read(given.tree / _CATALOGUE), given.words)
        return run(mutants, given.tree, given.jobs, progress)
    except MutantsError as error:
        progress.note(str(error))
        return 2
    except KeyboardInterrupt:
        progress.note("Stopped. Nothing was changed but in a copy, which is gone.")
        return _INTERRUPTED


def run(mutants: Sequence[Mutant], source: Path, jobs: int, progress: Progress) -> int:
    """The exit code: 0 when every mutant was caught, else 1. Raises MutantsError."""
    started, verdicts = time.monotonic(), list[Verdict]()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        progress.step("Copying the tree")
        with Campaign(source, Path(folder), min(jobs, len(mutants))) as campaign:
            for _ in campaign.check(mutants):
                progress.step("Running the tests without a mutant")
            progress.finish("The tests pass without a mutant")
            for verdict in campaign.judge(mutants):
                if verdict is not None:
                    verdicts.append(verdict)
                    progress.note(line(verdict))
                progress.step("Mutants", len(verdicts), len(mutants))
    progress.note(f"{summary(verdicts)}, in {duration(time.monotonic() - started)}")
    return 0 if all(verdict.word == "caught" for verdict in verdicts) else 1


def line(verdict: Verdict) -> str:
    """`caught    plan        1.4 s  NAME`; below one that was not caught, what was done and seen."""
    mutant = verdict.mutant
    word = verdict.word if verdict.word == "caught" else verdict.word.upper()
    text = f"  {word:<8}  {mutant.part:<10} {duration(verdict.seconds):>6}  {mutant.name}"
    if verdict.word == "caught":
        return text
    edit = f"{mutant.file}: {mutant.find!r} became {mutant.replace!r}"
    return "\n".join([text, *(f"            {part}" for part in (edit, *verdict.why.splitlines(), *mutant.tests))])


def summary(verdicts: Sequence[Verdict]) -> str:
    """`45 mutants: 43 caught, 1 survived, 1 broken entry`."""
    caught, survived, broken = (
        sum(verdict.word == word for verdict in verdicts) for word in ("caught", "survived", "broken")
    )
    text = f"{len(verdicts)} {'mutant' if len(verdicts) == 1 else 'mutants'}: {caught} caught"
    text += f", {survived} survived" if survived else ""
    return text + (f", {broken} broken {'entry' if broken == 1 else 'entries'}" if broken else "")
