"""The script that a data scientist wrote: found, imported, and its functions put into the place of the defaults."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sagemaker_local.hosting.archive import UnpackLimits, unpack
from sagemaker_local.servers.app import ANY, Call, Reply, media_type
from sagemaker_local.servers.media import JSON, UTF8

_CONTAINER_MODEL = "/opt/ml/model"
_CONTAINER_CODE = "/opt/ml/code"
_LIMITS = UnpackLimits(max_bytes=1024**3, max_files=10_000, max_ratio=200.0, ratio_floor=64 * 1024**2)

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a framework does where the script says nothing."""

    model_fn: Function
    input_fn: Function
    predict_fn: Function
    output_fn: Function


def script_named(environment: Mapping[str, str]) -> str | None:
    """SAGEMAKER_PROGRAM, the script's file name."""
    return environment.get("SAGEMAKER_PROGRAM") or None


def load_script(program: str, environment: Mapping[str, str], model_dir: Path) -> ModuleType:
    """Import the script. Its folder is SAGEMAKER_SUBMIT_DIRECTORY: a folder, a tar.gz or s3://…/sourcedir.tar.gz.

    Paths below /opt/ml mean the same places of this process. Raises FileNotFoundError naming both variables, and
    whatever the script itself raises.
    """
    folder = _code_folder(environment.get("SAGEMAKER_SUBMIT_DIRECTORY") or f"{_CONTAINER_MODEL}/code", model_dir)
    script = folder / program
    if not script.is_file():
        raise FileNotFoundError(
            f"SAGEMAKER_PROGRAM={program}: no such file in {folder} "
            f"(SAGEMAKER_SUBMIT_DIRECTORY={environment.get('SAGEMAKER_SUBMIT_DIRECTORY', 'not set')})"
        )
    sys.path.insert(0, str(folder))
    if script.parent != folder:
        sys.path.insert(0, str(script.parent))
    return importlib.import_module(script.stem)


def _code_folder(place: str, model_dir: Path) -> Path:
    if place.startswith("s3://"):
        return _fetched(place)
    for inside, outside in ((_CONTAINER_MODEL, model_dir), (_CONTAINER_CODE, model_dir / "code")):
        if place == inside or place.startswith(inside + "/"):
            return outside / place[len(inside) :].lstrip("/")
    path = model_dir / place  # an absolute place stays what it is
    return _unpacked(path) if path.is_file() else path


def _fetched(url: str) -> Path:
    import boto3

    bucket, _, key = url.removeprefix("s3://").partition("/")
    archive = Path(tempfile.mkdtemp(prefix="sourcedir-", dir=os.environ.get("SAGEMAKER_BASE_DIR"))) / "sourcedir.tar.gz"
    boto3.client("s3").download_file(bucket, key, str(archive))
    return _unpacked(archive)


def _unpacked(archive: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="code-", dir=os.environ.get("SAGEMAKER_BASE_DIR")))
    unpack(archive, folder, _LIMITS)
    return folder


class ScriptApp:
    """Runs the handler contract: model_fn once, then input_fn, predict_fn and output_fn, or one transform_fn."""

    def __init__(self, script: ModuleType, defaults: Defaults, model_dir: Path, default_accept: str = JSON) -> None:
        own = {name: getattr(script, name, None) for name in ("input_fn", "predict_fn", "output_fn")}
        self._transform: Function | None = getattr(script, "transform_fn", None)
        if self._transform is not None and any(own.values()):
            raise ValueError("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")
        self._input = own["input_fn"] or defaults.input_fn
        self._predict = own["predict_fn"] or defaults.predict_fn
        self._output = own["output_fn"] or defaults.output_fn
        self._default_accept = default_accept
        self._model = _call(getattr(script, "model_fn", defaults.model_fn), str(model_dir))

    def invoke(self, call: Call) -> Reply:
        content_type = call.content_type or self._default_accept
        accept = call.accept if call.accept and call.accept != ANY else self._default_accept
        body: str | bytes = call.body
        if media_type(content_type) in UTF8:
            body = call.body.decode("utf-8")
        if self._transform is not None:
            result = _call(self._transform, self._model, body, content_type, accept)
        else:
            data = _call(self._input, body, content_type)
            result = _call(self._output, _call(self._predict, data, self._model), accept)
        return _reply(result, accept)


def _call(function: Function, *arguments: Any) -> Any:
    """Newer scripts take the request's context as one more argument; there is none to give here."""
    if _takes_context(function, len(arguments)):
        return function(*arguments, None)
    return function(*arguments)


def _takes_context(function: Function, given: int) -> bool:
    known = _ARITY.get(function)
    if known is None:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        known = _ARITY[function] = sum(each.kind in kinds for each in inspect.signature(function).parameters.values())
    return known == given + 1


_ARITY: dict[Function, int] = {}


def _reply(result: Any, accept: str) -> Reply:
    content_type = accept
    if isinstance(result, tuple):
        result, content_type = result[0], str(result[1])
    if isinstance(result, str):
        return Reply(result.encode("utf-8"), content_type)
    if isinstance(result, bytes | bytearray):
        return Reply(bytes(result), content_type)
    raise TypeError(
        f"output_fn or transform_fn returned {type(result).__name__}; it must be str, bytes or (body, type)"
    )
