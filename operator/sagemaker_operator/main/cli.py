"""`sagemaker-operator`: keeps SageMaker endpoints as written in YAML."""

import argparse
import importlib.metadata
import logging
import sys
from collections.abc import Sequence

from sagemaker_operator.kube.connection import ConnectionRefused
from sagemaker_operator.main import logs
from sagemaker_operator.main.operator import CannotGoOn, Operator
from sagemaker_operator.main.settings import SettingError, add_flags, read_settings, unknown_variables

log = logging.getLogger("sagemaker_operator")

_EPILOG = """Each flag is also an environment variable: --log-format is SAGEMAKER_OPERATOR_LOG_FORMAT.
KUBECONFIG and the AWS environment (AWS_ENDPOINT_URL included) are the standard ones. All settings: docs/settings.md"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="sagemaker-operator",
        description="Keeps SageMaker endpoints as written in YAML.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = importlib.metadata.version("sagemaker-operator")
    made.add_argument("--version", action="version", version=f"sagemaker-operator {version}")
    made.add_argument("command", nargs="?", choices=["run"], default="run", help="watch and reconcile (default)")
    add_flags(made)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 asked to stop, 1 it cannot go on (the Lease was lost), 2 it cannot start as it was set up."""
    try:
        settings = read_settings(vars(parser().parse_args(arguments)))
    except SettingError as error:
        print(f"sagemaker-operator: {error}", file=sys.stderr)
        return 2
    logs.set_up(settings.log_format, settings.log_level)
    for name in unknown_variables():
        log.warning("%s is no setting of the operator and is ignored; all of them: docs/settings.md", name)
    try:
        Operator(settings).run()
    except (ConnectionRefused, SettingError, OSError) as error:
        log.error("%s", error)
        return 2
    except CannotGoOn as error:
        log.error("%s", error)
        return 1
    return 0
