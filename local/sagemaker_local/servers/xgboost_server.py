"""A model server with the contract of AWS's XGBoost container: with a script, or none at all."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from sagemaker_local.servers import media
from sagemaker_local.servers.app import ANY, App, Call, InferenceError, Reply, media_type
from sagemaker_local.servers.serve import run
from sagemaker_local.servers.user_module import Defaults, ScriptApp, load_script, script_named

_ACCEPTED = (media.CSV, media.JSON, media.JSON_LINES)


def _model_fn(model_dir: str) -> Any:
    raise NotImplementedError(
        f"Please provide a model_fn implementation: a function that loads the model in {model_dir}. "
        "Without SAGEMAKER_PROGRAM the XGBoost container loads it by itself."
    )


def _input_fn(body: str | bytes, content_type: str) -> xgboost.DMatrix:
    kind = media_type(content_type)
    text = body.decode("utf-8") if isinstance(body, bytes) and kind in media.LIBSVM else body
    if kind == media.CSV:
        return xgboost.DMatrix(media.csv_rows(str(text)))
    if kind in media.LIBSVM:
        return xgboost.DMatrix(media.libsvm_rows(str(text)))
    raise media.unsupported(content_type)


def _predict_fn(data: xgboost.DMatrix, model: Any) -> Any:
    return model.predict(data, validate_features=False)


DEFAULTS = Defaults(_model_fn, _input_fn, _predict_fn, media.encode)


def load_booster(path: Path) -> xgboost.Booster:
    """A model file as JSON, UBJSON or pickle. Raises ValueError with the causes of both refusals."""
    data = path.read_bytes()
    try:
        booster = xgboost.Booster(model_file=bytearray(data))
    except xgboost.core.XGBoostError as native:
        try:
            booster = pickle.loads(data)  # noqa: S301 - the container's contract; it runs in the model's own process
        except Exception as error:  # a pickle may raise anything
            reason = str(native).strip().splitlines()[0]
            raise ValueError(
                f"Unable to load model {path.name}: as XGBoost's own format: {reason}; as a pickle: {error}. "
                f"Save it with Booster.save_model('x.json') of a current version."
            ) from error
        booster = booster.get_booster() if hasattr(booster, "get_booster") else booster
    booster.set_param({"nthread": 1})
    return booster


class BoosterApp:
    """Serves the model files themselves; several are an ensemble whose predictions are averaged."""

    def __init__(self, boosters: list[xgboost.Booster], default_accept: str = media.CSV, batch: bool = False) -> None:
        self._boosters = boosters
        self._default_accept = default_accept
        self._batch = batch
        self._features = boosters[0].num_features()
        self._ranges = [_rounds(each) for each in boosters]
        self._trees = all(_booster_name(each) != "gblinear" for each in boosters)

    def invoke(self, call: Call) -> Reply:
        if not call.body:
            return Reply(b"", status=204)
        rows, kind = self._rows(call)
        accept = media_type(call.accept)
        accept = self._default_accept if accept in ("", ANY) else accept
        if accept not in _ACCEPTED:
            raise InferenceError(406, f"Accept type {accept} is not supported. Supported: {', '.join(_ACCEPTED)}.")
        width = rows.shape[1]
        if width > self._features or (kind == media.CSV and width != self._features):
            raise InferenceError(
                400,
                f"Unable to evaluate payload provided: Feature size of {kind} inference data {width} is not "
                f"consistent with feature size of trained model {self._features}.",
            )
        return Reply(self._encode(self._predict(rows), accept), f"{accept}; charset=utf-8")

    def _rows(self, call: Call) -> tuple[Any, str]:
        kind = media_type(call.content_type) or media.CSV
        try:
            if kind == media.CSV:
                return media.csv_rows(call.body.decode("utf-8")), kind
            if kind in media.LIBSVM:
                return media.libsvm_rows(call.body.decode("utf-8")), kind
        except ValueError as error:
            name = "csv" if kind == media.CSV else "libsvm"
            raise InferenceError(
                415, f"Loading {name} data failed with Exception, please ensure data is in {name} format:\n {error}"
            ) from error
        raise InferenceError(
            415, f"Content-type {kind} not supported. Supported content-type is text/csv, text/libsvm, text/x-libsvm"
        )

    def _predict(self, rows: Any) -> media.Array:
        data = rows if self._trees else xgboost.DMatrix(rows, nthread=1)
        try:
            results = [self._one(*each, data) for each in zip(self._boosters, self._ranges, strict=True)]
        except xgboost.core.XGBoostError as error:
            raise InferenceError(400, f"Unable to evaluate payload provided: {error}") from error
        return results[0] if len(results) == 1 else np.mean(results, axis=0)

    def _one(self, booster: xgboost.Booster, rounds: tuple[int, int], data: Any) -> media.Array:
        """Without a DMatrix in between where the kind of booster allows it: that saves a third of the time."""
        predict = booster.inplace_predict if self._trees else booster.predict
        predictions: media.Array = predict(data, validate_features=False, iteration_range=rounds)
        return predictions

    def _encode(self, predictions: media.Array, accept: str) -> bytes:
        values = predictions.tolist()
        if accept == media.JSON:
            return json.dumps({"predictions": [{"score": each} for each in values]}).encode()
        if accept == media.JSON_LINES:
            return media.json_lines({"score": each} for each in values)
        if self._batch:
            return ("\n".join(map(str, values)) + "\n").encode()
        return ",".join(map(str, values)).encode()  # one line for all rows, as the container has always done it


def _rounds(booster: xgboost.Booster) -> tuple[int, int]:
    """The rounds of an early-stopped model up to its best; (0, 0) means all."""
    best = booster.attr("best_iteration")
    return (0, int(best) + 1) if best is not None else (0, 0)


def _booster_name(booster: xgboost.Booster) -> str:
    name: str = json.loads(booster.save_config())["learner"]["gradient_booster"]["name"]
    return name


def load(model_dir: Path) -> App:
    """The script's app, or without a script the model files' own. Raises ValueError when there is no model."""
    program = script_named(os.environ)
    accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT")
    if program is not None:
        return ScriptApp(load_script(program, os.environ, model_dir), DEFAULTS, model_dir, accept or media.JSON)
    files = sorted(each for each in model_dir.iterdir() if each.is_file())
    for hidden in (each for each in files if each.name.startswith(".")):
        print(f"Ignoring dotfile {hidden.name} found in model directory", flush=True)  # noqa: T201 - container's log
    models = [each for each in files if not each.name.startswith(".")]
    if not models:
        raise ValueError(f"No model file in the archive: put xgboost-model at its root (found {_names(model_dir)})")
    return BoosterApp([load_booster(each) for each in models], accept or media.CSV, "SAGEMAKER_BATCH" in os.environ)


def _names(folder: Path) -> str:
    return ", ".join(sorted(each.name for each in folder.iterdir())) or "nothing"


if __name__ == "__main__":
    run("xgboost", xgboost.__version__, load)
