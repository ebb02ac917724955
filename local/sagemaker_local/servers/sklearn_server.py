"""A model server with the contract of AWS's scikit-learn container: a script with at least ``model_fn``."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sagemaker_local.servers import media
from sagemaker_local.servers.app import App, media_type
from sagemaker_local.servers.serve import run
from sagemaker_local.servers.user_module import Defaults, ScriptApp, load_script, script_named


def _model_fn(model_dir: str) -> Any:
    raise NotImplementedError(
        f"Please provide a model_fn implementation: a function that loads the model in {model_dir}. "
        "The scikit-learn container has no default for it."
    )


def _input_fn(body: str | bytes, content_type: str) -> media.Array:
    array = media.decode(body, content_type)
    return array.astype(np.float32) if media_type(content_type) in media.UTF8 else array


def _predict_fn(data: media.Array, model: Any) -> Any:
    return model.predict(data)


DEFAULTS = Defaults(_model_fn, _input_fn, _predict_fn, media.encode)


def load(model_dir: Path) -> App:
    """The script's app. Raises ValueError when no script is named."""
    program = script_named(os.environ)
    if program is None:
        raise ValueError(
            "SAGEMAKER_PROGRAM is not set: name the script that has model_fn, and with SAGEMAKER_SUBMIT_DIRECTORY its "
            "folder (/opt/ml/model/code for a script inside the archive)"
        )
    accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", media.JSON)
    return ScriptApp(load_script(program, os.environ, model_dir), DEFAULTS, model_dir, accept)


if __name__ == "__main__":
    run("sklearn", version("scikit-learn"), load)
