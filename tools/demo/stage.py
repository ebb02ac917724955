"""All that must be up before a YAML file can be applied: programs, Kubernetes API, local SageMaker, operator, models.

What does not wait for another is started at the same time; the lines come in their order.
"""

import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path

from demo import cluster, commands, packages
from demo.aws import Aws
from demo.children import Child, Children, await_ready
from demo.cluster import Kubectl
from demo.commands import Access
from demo.failure import DemoError, end_of
from demo.folder import ROOT, Folder
from demo.fraud_shape import FEATURES, TREES
from demo.lines import Sign
from demo.options import Options
from demo.screen import ProgramProgress, Screen
from devcluster import ControlPlane, binaries

_START_SECONDS = 60.0
_TRAINING_SECONDS = 300.0
_BIN = Path(sys.executable).parent


class Stage:
    """Usable after start(); stop() may be called at any time."""

    aws: Aws
    kubectl: Kubectl
    environment: dict[str, str]

    def __init__(self, options: Options, folder: Folder, screen: Screen) -> None:
        self._options, self._folder, self._screen = options, folder, screen
        self.children = Children(folder)
        self._plane: ControlPlane | None = None
        self._needed: list[Child] = []

    def start(self) -> None:
        """Raises DemoError, or what devcluster raises."""
        self._show_packages()
        self._check_models()
        programs = binaries.ensure((*binaries.API, binaries.CONTROLLER_MANAGER), ProgramProgress(self._screen))
        screen, began, clock = self._screen, self._screen.seconds, time.time()
        screen.step("Starting the Kubernetes API, local SageMaker and the training")
        ready = self._folder.base / "sagemaker-local.json"
        outside = commands.environment(os.environ, Access(self._folder.kubeconfig, "", (_BIN,)))
        del outside["AWS_ENDPOINT_URL"]
        local = self.children.start(
            "sagemaker-local",
            commands.local_sagemaker(_BIN / "sagemaker-local", ready, self._folder.local_state),
            outside,
            polite=True,
        )
        training = self._start_training(outside)
        self._plane = ControlPlane.start(self._folder.base / "control-plane", controller_manager=True)
        operator_kubeconfig = cluster.prepare(self._plane, self._folder)
        url = await_ready(local, ready, _START_SECONDS)
        self._open(Access(self._folder.kubeconfig, url, (_BIN, programs["kubectl"].parent)))
        self._start_operator(operator_kubeconfig)
        self._needed.append(local)
        screen.done("Kubernetes API; the operator works as its ServiceAccount, not as admin")
        screen.step("Local SageMaker", began=began)
        port = url.rpartition(":")[2]
        screen.done(f"Local SageMaker, S3, STS, IAM on port {port}", took=_since(clock, ready))
        screen.step("Training champion and challenger", began=began)
        self._finish_training(training, clock)

    def check(self) -> None:
        """Raises DemoError when one of them has ended."""
        for child in self._needed:
            if child.process.poll() is not None:
                raise child.ended()

    def stop(self) -> None:
        """Nothing runs afterwards, also when the waiting in between is interrupted."""
        try:
            self.children.stop()
        finally:
            if self._plane:
                self._plane.stop()

    def _show_packages(self) -> None:
        self._screen.step("Looking at the packages")
        found = packages.compare((ROOT / "requirements/dev.txt").read_text())
        python = f"Python {platform.python_version()}"
        if found.different:
            some = ", ".join(found.different[:3]) + (", …" if len(found.different) > 3 else "")
            self._screen.done(f"{python}; packages differ from requirements/dev.txt: {some}", sign=Sign.WARN)
        else:
            self._screen.done(f"{python}, {found.equal} locked packages")

    def _check_models(self) -> None:
        if self._options.models is None:
            return
        for given in (self._options.models / f"{model}.tar.gz" for model in TREES):
            if not given.is_file():
                raise DemoError(f"{given} is missing", "--models needs champion.tar.gz and challenger.tar.gz in it.")

    def _open(self, access: Access) -> None:
        """From now on everybody knows where everything is."""
        self.environment = commands.environment(os.environ, access)
        self.kubectl = Kubectl(self.children, self.environment)
        self.aws = Aws(access.aws_url)
        self._folder.environment.touch(mode=0o600)
        report = {"SAGEMAKER_LOADTEST_OUT": self._folder.shown(self._folder.report)}
        self._folder.environment.write_text(commands.environment_file(access, report))

    def _start_operator(self, kubeconfig: Path) -> None:
        ready = self._folder.base / "operator.json"
        environment = self.environment | {"KUBECONFIG": str(kubeconfig)}
        operator = self.children.start("operator", commands.operator(_BIN / "sagemaker-operator", ready), environment)
        await_ready(operator, ready, _START_SECONDS)
        self._needed.append(operator)

    def _start_training(self, environment: dict[str, str]) -> Child:
        anew = ["--anew"] if self._options.retrain else []
        command = [sys.executable, "-m", "demo.fraud", "train", str(self._folder.models), *anew]
        return self.children.start("training", command, environment, output=self._folder.log("models"))

    def _finish_training(self, training: Child, clock: float) -> None:
        if training.wait(_TRAINING_SECONDS):
            raise DemoError("The models were not trained", excerpt=end_of(training.log))
        answer = self._folder.log("models")
        trees = " and ".join(f"{name} ({number} trees)" for name, number in TREES.items())
        text = f"Trained {trees}, {FEATURES} features"
        if self._options.models:
            for model in TREES:
                shutil.copy(self._options.models / f"{model}.tar.gz", self._folder.archive(model))
            (self._folder.models / "recipe.json").unlink()  # the next run's models are its own again
            text = f"Took champion and challenger from {self._options.models}"
        elif not json.loads(answer.read_text())["made"]:
            text = f"Models of an earlier run: {' and '.join(map(str, TREES.values()))} trees, {FEATURES} features"
        took = _since(clock, answer)
        self.aws.upload(self._folder, tuple(TREES))
        self._folder.one_row.write_text(self._folder.rows.read_text().splitlines()[0] + "\n")
        self._screen.done(text, took=took)


def _since(start: float, file: Path) -> float:
    """Seconds from `start` on time.time's clock until the file was written."""
    return max(0.0, file.stat().st_mtime - start)
