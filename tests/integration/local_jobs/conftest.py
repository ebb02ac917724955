"""The same real ``sagemaker-local`` as in local_control, with the words that packages, jobs and components need."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

_PATH = Path(__file__).parents[1] / "local_control/conftest.py"
_SPEC = importlib.util.spec_from_file_location("local_control_fixtures", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_FIXTURES = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _FIXTURES  # dataclasses look their module up
_SPEC.loader.exec_module(_FIXTURES)

start, images, local, world, trained = (
    getattr(_FIXTURES, each) for each in ("start", "images", "local", "world", "trained")
)


@pytest.fixture(scope="session")
def archive(local: Any, trained: Any) -> str:
    """An XGBoost model in S3."""
    url: str = local.put("jobs/model.tar.gz", trained.files)
    return url
