"""`sagemaker-loadtest`: the command line. Every flag `--x-y` is also the variable SAGEMAKER_LOADTEST_X_Y."""

import argparse
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from sagemaker_loadtest import version
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.units import parse_duration, parse_rate
from sagemaker_loadtest.command import flags
from sagemaker_loadtest.judge.verdict import ExitCode
from sagemaker_loadtest.testfile.parse import MAX_WORKERS, Overrides

_PREFIX = "SAGEMAKER_LOADTEST_"
_EXITS = """exit codes: 0 met · 1 threshold missed · 2 wrong input · 3 the generator was the limit ·
            4 workers lost · 5 ended early. When several apply: 2, 5, 4, 3, 1, 0.

Each flag is also an environment variable: --endpoint-name is SAGEMAKER_LOADTEST_ENDPOINT_NAME.
AWS: the standard environment, AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME included.
Guide: docs/loadtest.md"""


class _Parser(argparse.ArgumentParser):
    """Faults of the command line end like those of the test file: in words, with exit code 2."""

    def error(self, message: str) -> None:  # type: ignore[override]  # argparse declares NoReturn; raising is one
        raise ConfigurationError(f"{message}. See {self.prog} --help")


def build_parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """The parser with the environment's values as defaults."""
    parser = _Parser(
        prog="sagemaker-loadtest",
        description="Puts load on a SageMaker endpoint and says whether it held.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"sagemaker-loadtest {version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    run = commands.add_parser(
        "run", help="run the test of a file; ends in a verdict", epilog=_EXITS, formatter_class=parser.formatter_class
    )
    _run_flags(_adder(run, environment))
    flags.setting_flags(_adder(run, environment), port=None)
    flags.page_flags(_adder(run, environment))
    search = commands.add_parser(
        "search",
        help="find the highest rate that keeps the file's thresholds, and the scaling that follows",
        epilog=_EXITS,
        formatter_class=parser.formatter_class,
    )
    _run_flags(_adder(search, environment))
    flags.search_flags(_adder(search, environment))
    flags.setting_flags(_adder(search, environment), port=None)
    master = commands.add_parser(
        "master", help="run, with workers in other pods", epilog=_EXITS, formatter_class=parser.formatter_class
    )
    _run_flags(_adder(master, environment))
    flags.master_flags(_adder(master, environment))
    flags.setting_flags(_adder(master, environment), port=flags.HTTP_PORT)
    flags.page_flags(_adder(master, environment))
    worker = commands.add_parser("worker", help="work for the master of a run, until it ends")
    flags.worker_flags(_adder(worker, environment))
    report = commands.add_parser("report", help="write index.html and summary.md again from a result.json")
    report.add_argument("result", metavar="RESULT.JSON")
    _adder(report, environment)(
        "--out", metavar="DIR", default="loadtest-report", help="folder to write to (%(default)s)"
    )
    compare = commands.add_parser(
        "compare",
        help="what got slower from one result.json to another",
        epilog="exit codes: 0 nothing got worse · 1 something did · 2 the two cannot be compared",
    )
    compare.add_argument("before", metavar="BEFORE.JSON")
    compare.add_argument("after", metavar="AFTER.JSON")
    add = _adder(compare, environment)
    add("--tolerance", type=_percent, default=5.0, metavar="PERCENT", help="a change that does not count (5%%)")
    add("--format", type=_form, default="text", metavar="FORM", help="text, markdown or json (%(default)s)")
    add("--html", metavar="FILE", help="also as a page for people: one file that loads nothing")
    add("--ascii", action="store_true", help="plain ASCII in the terminal")
    return parser


def _run_flags(add: flags.Adder) -> None:
    add("-f", "--file", metavar="FILE", required=True, help="the test file (YAML or JSON)")
    add("--workers", type=_whole(1, MAX_WORKERS), metavar="N", help="worker processes; one free core each")
    add("--duration", type=_duration, metavar="T", help="length of the run, warm-up included, e.g. 30s or 5m")
    add("--rate", type=_rate, metavar="R", help="open load: arrivals a second; of a search, those to begin with")
    add("--users", type=_whole(1, 100_000), metavar="N", help="closed load: users who wait for each answer")
    add("--endpoint-name", metavar="NAME", help="the endpoint, instead of the file's")
    add("--region", metavar="REGION", help="its region, instead of the file's")
    add("--seed", type=_whole(0, 2**31), metavar="N", help="same seed, same order and arrivals")
    add(
        "--out",
        metavar="DIR",
        default="loadtest-report",
        help="folder of index.html, result.json, summary.md (%(default)s)",
    )
    add("--ascii", action="store_true", help="plain ASCII in the terminal")


def _adder(parser: argparse.ArgumentParser, environment: Mapping[str, str]):  # type: ignore[no-untyped-def]  # argparse's own untyped keywords pass through
    def add(*flags: str, **options):  # type: ignore[no-untyped-def]
        value = environment.get(_PREFIX + flags[-1].removeprefix("--").replace("-", "_").upper())
        if value is not None and options.get("action") == "store_true":
            options["default"] = value.lower() not in ("", "0", "false", "no")
        elif value:
            options |= {"default": value, "required": False}
        parser.add_argument(*flags, **options)

    return add


def _whole(low: int, high: int):  # type: ignore[no-untyped-def]  # a parser for argparse
    def parse(text: str) -> int:
        if not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"“{text}” is no whole number from {low} to {high}")
        return int(text)

    return parse


def _form(text: str) -> str:
    """As a type and not as choices, which argparse does not hold against a default, so not against a variable."""
    if text not in ("text", "markdown", "json"):
        raise argparse.ArgumentTypeError(f"“{text}” is no form of a comparison; write text, markdown or json")
    return text


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no share in percent; write for example 5%") from None
    if not 0 <= value <= 1000:
        raise argparse.ArgumentTypeError(f"“{text}” is outside 0 to 1000%")
    return value


def _duration(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no duration; write for example 30s or 5m") from None
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"“{text}” is less than a second")
    return seconds


def _rate(text: str) -> float:
    try:
        rate = parse_rate(text) if "/" in text else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no rate; write for example 200 or 200/s") from None
    if not 0 < rate <= 1_000_000:
        raise argparse.ArgumentTypeError(f"“{text}” is outside 0 to 1000000 a second")
    return rate


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    try:
        return _main(arguments)
    except Exception:  # Python's own exit code would be 1, which says that a threshold was missed
        traceback.print_exc()
        print(f"This is a fault of sagemaker-loadtest itself. Exit code {ExitCode.ENDED_EARLY}", file=sys.stderr)
        return int(ExitCode.ENDED_EARLY)


def _main(arguments: Sequence[str] | None) -> int:
    try:
        options = build_parser(os.environ).parse_args(arguments)
        if options.command == "report":
            from sagemaker_loadtest.command.run import report_again

            return report_again(Path(options.result), Path(options.out))
        if options.command == "compare":
            from sagemaker_loadtest.command.compare import compare_files

            pair = (Path(options.before), Path(options.after))
            page = Path(options.html) if options.html else None
            return compare_files(*pair, options.tolerance, options.format, page, ascii_only=options.ascii)
        if options.command == "worker":
            return flags.run_worker(options)
        from sagemaker_loadtest.command.run import run_test
        from sagemaker_loadtest.command.search import search_test

        flags.stop_on_sigterm()

        overrides = Overrides(
            endpoint_name=options.endpoint_name,
            region=options.region,
            workers=options.expect_workers if flags.workers_elsewhere(options) else options.workers,
            duration_seconds=options.duration,
            rate=options.rate,
            users=options.users,
            seed=options.seed,
        )
        setting = flags.setting_of(options)
        file, out = Path(options.file), Path(options.out)
        if options.command == "search":
            return search_test(file, overrides, out, ascii_only=options.ascii, setting=setting)
        if options.web:
            from sagemaker_loadtest.command.interactive import serve_page

            page, fresh = flags.page_of(options)
            return serve_page(
                file, overrides, out, ascii_only=options.ascii, setting=setting, page=page, tell_password=fresh
            )
        return run_test(file, overrides, out, ascii_only=options.ascii, setting=setting)
    except KeyboardInterrupt:
        print(f"\nStopped before any load was sent. Exit code {ExitCode.ENDED_EARLY}", file=sys.stderr)
        return int(ExitCode.ENDED_EARLY)
    except ConfigurationError as error:
        what = (
            "This cannot be done"
            if set(arguments or sys.argv[1:2]) & {"report", "compare"}
            else "The test cannot start"
        )
        number = len(error.faults)
        print(f"{what}:" if number == 1 else f"{what}, {number} faults:", file=sys.stderr)
        for fault in error.faults:
            print(f"  {fault}", file=sys.stderr)
        print(f"Exit code {ExitCode.CONFIGURATION}", file=sys.stderr)
        return int(ExitCode.CONFIGURATION)
