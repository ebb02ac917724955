"""Fixtures that several folders of tests have: ``start = fixtures.start`` in a ``conftest.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from testkit.local import running
from testkit.trained import Trained, train


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    """``with start("--flag", …) as local``: a process of the test's own."""

    def begin(*arguments: str, environment: Mapping[str, str] | None = None) -> Any:
        return running(tmp_path, *arguments, environment=environment)

    return begin


@pytest.fixture(scope="session")
def trained() -> Trained:
    """A model, and what it predicts."""
    return train()
