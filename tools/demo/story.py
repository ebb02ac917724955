"""What the demo shows, step by step. Each step proves what its line says, or raises DemoError."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import yaml

from demo import commands, leftovers, lines
from demo.aws import Instance
from demo.calls import Call, Calls
from demo.children import Child, await_gone
from demo.cluster import Seen
from demo.failure import DemoError, Excerpt, end_of
from demo.folder import ROOT, Folder
from demo.fraud_shape import ROWS, TREES
from demo.leftovers import Leftovers
from demo.lines import Sign
from demo.load_test import Outcome, outcome
from demo.options import LEAST_RATE, Options
from demo.screen import Screen
from demo.split import judge
from demo.stage import Stage

_EXAMPLES = "manifests/examples"
_CHANGE_SECONDS = 180.0
_BATCH = 100
_TOLERANCE = 1e-6  # of a probability; both compute in 32 bits
_TRY_SECONDS = 30.0
_LOAD_TEST_SPARE_SECONDS = 90.0
_AGAIN = "Train it anew: make demo RETRAIN=1      Look around: make demo KEEP=1"


class Story:
    """From the applied YAML file to the load test's verdict, and to nothing being left."""

    def __init__(self, options: Options, folder: Folder, screen: Screen, stage: Stage) -> None:
        self._options, self._folder, self._screen, self._stage = options, folder, screen, stage
        self._servers: set[Instance] = set()

    def serve(self) -> None:
        """`kubectl apply`, Ready, predictions equal to the model's own, two command lines that work."""
        predicting = self._predict()
        self._apply("fraud.yaml")
        self._screen.step("Waiting for Ready", under=True)
        self._until_synced("Ready")
        servers = self._remember_servers()
        self._screen.done(f"Ready: {len(servers)} model servers answer")
        expected = self._compare(predicting)
        self._show_commands(expected[0])

    def shift_to_two_variants(self) -> None:
        """The A/B example applied under calls: none fails, and the replies split as asked."""
        row = self._folder.one_row.read_text().strip()
        calls = Calls(self._stage.aws, row, self._options.rate)
        before = self._stage.aws.endpoint_config()
        calls.start()
        try:
            calls.wait_for(int(self._options.rate), 0.0, lambda _: None)
            self._apply("fraud-ab.yaml", f"{self._options.rate:g} calls a second go on")
            self._screen.step("Waiting for the new revision", under=True)
            self._until_synced("InService")
            changed = time.monotonic()
            self._remember_servers()
            if self._stage.aws.endpoint_config() == before:
                raise DemoError("The endpoint is InService, but with the old config")
            calls.wait_for(self._options.calls, changed, self._show_calls)
            rate = calls.per_second
        finally:
            calls.stop()
        self._judge(calls.made, changed, rate)

    def load_test(self) -> None:
        """Distributed Locust, its verdict and its report."""
        file = f"{_EXAMPLES}/loadtest.yaml"
        test = yaml.safe_load((ROOT / file).read_text())
        seconds = self._options.load_seconds or int(test["load"]["duration"].removesuffix("s"))
        shorter = ["--duration", f"{seconds}s"] if self._options.load_seconds else []
        words = ["sagemaker-loadtest", "run", "-f", file, *shorter]
        note = f"1 master, {test['workers']} workers, {seconds} s"
        self._screen.command(" ".join(words), note)
        self._screen.step("Under load", under=True)
        environment = self._stage.environment | {"SAGEMAKER_LOADTEST_OUT": str(self._folder.report)}
        child = self._stage.children.start("loadtest", words, environment, polite=True)
        code = child.wait(seconds + _LOAD_TEST_SPARE_SECONDS, lambda gone: self._show_load(gone, seconds))
        found = self._load_outcome(child, code)
        report = self._folder.shown(self._folder.report / "index.html")
        if code or not (self._folder.report / "index.html").is_file():
            why = " ".join([*found.reasons, found.advice])
            raise DemoError(f"{found.line} (exit code {code})", why, advice=(f"Report: {report}",))
        self._screen.done(f"{found.line}. Exit code {code}")
        self._screen.below([f"Report: {report}"])

    def _show_load(self, gone: float, seconds: int) -> None:
        self._screen.progress(f"Under load, {gone:.0f} of {seconds} s" if gone < seconds else "Writing the report")

    def delete(self) -> None:
        """`kubectl delete`, then everybody is asked whether anything is left."""
        self._screen.command(f"kubectl delete sme {commands.OBJECT}")
        self._screen.step("Waiting until nothing is left", under=True)
        self._stage.aws.save_container_logs(self._folder)
        self._stage.kubectl.run("delete", "sme", commands.OBJECT, f"--timeout={_CHANGE_SECONDS:g}s")
        left = self._left()
        if not left.nothing:
            raise DemoError(f"Something is left: {left.count()}", left.named(), end_of(self._folder.log("operator")))
        self._screen.done(f"Nothing is left: {left.count()}")

    def offer(self) -> None:
        """Says what runs and what to try."""
        self._screen.say("", "It all runs. In another terminal, in this folder:")
        self._screen.say(*(f"  {self._screen.style.plain(idea)}" for idea in self._ideas()))
        self._screen.say(f"Logs: {self._folder.shown(self._folder.logs)}. Ctrl-C stops everything.")

    def _ideas(self) -> list[str]:
        """What to try while everything runs."""
        row = self._folder.shown(self._folder.one_row)
        width = self._screen.width - 2
        return [
            f"source {self._folder.shown(self._folder.environment)}",
            "kubectl get sme",
            *commands.folded(commands.aws_line(row), width),
            *commands.folded(commands.curl_line(row), width),
            f"kubectl apply -f {_EXAMPLES}/fraud-shift.yaml    # half of the calls each, no new fleet",
            f"kubectl delete sme {commands.OBJECT}",
        ]

    def _apply(self, example: str, note: str = "") -> None:
        path = f"{_EXAMPLES}/{example}"
        self._screen.command(f"kubectl apply -f {path}", note)
        self._stage.kubectl.run("apply", "-f", path)

    def _until_synced(self, word: str) -> Seen:
        """Ready and Synced, at the generation that was applied."""

        def show(seen: Seen) -> None:
            self._screen.progress(seen.message or "Waiting for the operator")

        seen = self._stage.kubectl.until(
            lambda each: each.ready and each.synced, _CHANGE_SECONDS, show, self._stage.check
        )
        if seen.stalled:
            raise DemoError(f"{word}: {seen.failure}", seen.hint, self._container_log(seen), (_AGAIN,))
        return seen

    def _container_log(self, seen: Seen) -> Excerpt | None:
        """The object's own excerpt, with the file that has all of it."""
        written = self._stage.aws.save_container_logs(self._folder)
        if not seen.log:
            return end_of(self._folder.log("operator"))
        matching = [path for path in written if seen.log[-1].strip() and seen.log[-1] in path.read_text()]
        path = matching[0] if matching else self._folder.log("operator")
        return Excerpt(path, seen.log[-6:])

    def _remember_servers(self) -> tuple[Instance, ...]:
        servers = self._stage.aws.instances()
        self._servers.update(servers)
        return servers

    def _predict(self) -> Child:
        """The model's own predictions, computed beside the wait."""
        archive, rows = self._folder.archive(next(iter(TREES))), self._folder.rows
        command = [sys.executable, "-m", "demo.fraud", "predict", str(archive), str(rows)]
        return self._stage.children.start("predictions", command, self._stage.environment, output=self._own)

    @property
    def _own(self) -> Path:
        return self._folder.log("predictions-own")

    def _compare(self, predicting: Child) -> list[float]:
        self._screen.step(f"Asking for {ROWS:,} predictions")
        rows = self._folder.rows.read_text().splitlines()
        answered = list[float]()
        for first in range(0, len(rows), _BATCH):
            answered += self._stage.aws.predict(rows[first : first + _BATCH])
        if predicting.wait(_TRY_SECONDS):
            raise DemoError("The model could not be read for the comparison", excerpt=end_of(predicting.log))
        own: list[float] = json.loads(self._own.read_text())
        if len(answered) != len(own):
            raise DemoError(f"{len(answered):,} predictions came back for {len(own):,} rows")
        largest = max(abs(mine - theirs) for mine, theirs in zip(own, answered, strict=True))
        if largest > _TOLERANCE:
            raise DemoError(f"The endpoint's predictions are not the model's own: they differ by {largest:.3g}")
        self._screen.done(f"{len(own):,} predictions equal the model's own (largest difference {largest:.2g})")
        return own

    def _show_commands(self, expected: float) -> None:
        """Both lines, after they were run exactly as they are printed."""
        row = self._folder.shown(self._folder.one_row)
        width = self._screen.width - 7
        self._screen.step("Trying the aws command line and curl")
        tried = [commands.aws_line(row), *([commands.curl_line(row)] if self._curl_signs() else [])]
        for words in tried:
            self._run_as_typed("\n".join(commands.folded(words, width)), expected)
        if len(tried) == 2:
            self._screen.done(f"aws and curl answer the same, {expected:.4f} for the first row. Try it:")
        else:
            text = f"aws answers {expected:.4f} for the first row; no curl with --aws-sigv4 (7.75 or newer) is here"
            self._screen.done(text, sign=Sign.WARN)
        source = f"source {self._folder.shown(self._folder.environment)}"
        for text in (
            source,
            *commands.folded(commands.aws_line(row), width),
            *commands.folded(commands.curl_line(row), width),
        ):
            self._screen.below([text])

    def _curl_signs(self) -> bool:
        if not shutil.which("curl"):
            return False
        done = self._stage.children.run(["curl", "--help", "all"], self._stage.environment)
        return "--aws-sigv4" in done.stdout

    def _run_as_typed(self, text: str, expected: float) -> None:
        script = f". {self._folder.environment}\n{text}\n"
        done = self._stage.children.run(["/bin/sh", "-c", script], os.environ, seconds=_TRY_SECONDS)
        name = text.split()[0]
        if done.returncode or not done.stdout.startswith(repr(expected)[:8]):
            said = (done.stderr or done.stdout).strip()
            raise DemoError(
                f"The {name} line did not answer as the model does (exit code {done.returncode})", said[-400:]
            )

    def _show_calls(self, over: int) -> None:
        self._stage.check()
        self._screen.progress("Counting replies of the new revision", over / self._options.calls)

    def _judge(self, made: list[Call], changed: float, rate: float) -> None:
        failed = [call for call in made if call.failure]
        if failed:
            raise DemoError(f"{len(failed):,} of {len(made):,} calls failed during the change", failed[0].failure)
        if rate < LEAST_RATE:
            raise DemoError(f"Only {rate:.1f} calls a second were made, not {LEAST_RATE:g}: the machine is too busy")
        seen = [call.variant or "" for call in made if call.sent >= changed][: self._options.calls]
        spec = yaml.safe_load((ROOT / _EXAMPLES / "fraud-ab.yaml").read_text())["spec"]
        shares = judge(seen, spec["traffic"])
        plausible = all(share.plausible for share in shares)
        self._screen.done(f"InService with the new revision; {len(made):,} calls meanwhile ({rate:.0f}/s), 0 failed")
        self._screen.say(*lines.split_table(self._screen.style, shares))
        if not plausible:
            raise DemoError(
                "The replies do not split as the traffic was set", "One run in a thousand does so by chance."
            )

    def _load_outcome(self, child: Child, code: int) -> Outcome:
        result = self._folder.report / "result.json"
        if not result.is_file():
            raise DemoError(f"sagemaker-loadtest ended with code {code} and no result", excerpt=end_of(child.log))
        return outcome(result)

    def _left(self) -> Leftovers:
        found = self._stage.aws.objects()
        pids = {server.pid for server in self._servers}
        models = self._folder.local_state

        def serving() -> tuple[leftovers.Process, ...]:
            return tuple(
                each for each in leftovers.processes() if leftovers.serves(each, models) or self._was_ours(each, pids)
            )

        return Leftovers(
            found.endpoints,
            found.configs,
            found.models,
            tuple(self._stage.kubectl.run("get", "sme", "--all-namespaces", "-o", "name").split()),
            await_gone(serving),
        )

    def _was_ours(self, process: leftovers.Process, pids: set[int]) -> bool:
        """A server that we were told of by its number, whatever it looks like now."""
        return process.pid in pids and "sagemaker_local.servers" in process.command
