"""The process: settings, kopf, workers, sweeps, probes and metrics."""

from sagemaker_operator.main.cli import main

__all__ = ["main"]
