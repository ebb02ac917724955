"""What may be asked of the demo: flags, and for make the environment."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.folder import ROOT

LEAST_RATE = 20.0
"""Calls a second that go on during the change to two variants."""
_FALSE = ("", "0", "false", "no")


@dataclass(frozen=True, slots=True)
class Options:
    """`calls` are those that the split is counted from; `load_seconds` None leaves the length to the test's file."""

    keep: bool
    retrain: bool
    ascii: bool
    folder: Path
    models: Path | None
    calls: int
    rate: float
    load_seconds: int | None


def read(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Options:
    """Ends the process with code 2 when a flag cannot be used."""
    parser = argparse.ArgumentParser(
        prog="demo",
        description="A YAML file becomes a serving endpoint, then gets load-tested. No AWS account, no root.",
        epilog="With make: make demo KEEP=1, make demo RETRAIN=1. Exit code 0: all of it held; 1: not; 130: stopped.",
    )
    parser.add_argument("--keep", action="store_true", help="leave it running before the deletion, until Ctrl-C")
    parser.add_argument("--retrain", action="store_true", help="train the models even if an earlier run did")
    parser.add_argument("--ascii", action="store_true", help="plain ASCII")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything is kept (.demo)")
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="serve champion.tar.gz and challenger.tar.gz of DIR, train none"
    )
    parser.add_argument(
        "--calls", type=_at_least(100), default=1000, metavar="N", help="calls that count (%(default)s)"
    )
    parser.add_argument(
        "--rate", type=_at_least(int(LEAST_RATE)), default=50, metavar="N", help="calls a second (%(default)s)"
    )
    parser.add_argument("--load-seconds", type=_at_least(8), metavar="N", help="length of the load test (its file's)")
    given = parser.parse_args(arguments)
    return Options(
        keep=given.keep or _asked(environ.get("KEEP")),
        retrain=given.retrain or _asked(environ.get("RETRAIN")),
        ascii=given.ascii,
        folder=given.folder.absolute(),
        models=given.models.absolute() if given.models else None,
        calls=given.calls,
        rate=float(given.rate),
        load_seconds=given.load_seconds,
    )


def _asked(value: str | None) -> bool:
    return (value or "").lower() not in _FALSE


def _at_least(least: int):  # type: ignore[no-untyped-def]  # a parser for argparse
    def parse(text: str) -> int:
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"“{text}” is no whole number from {least} on")
        return int(text)

    return parse
