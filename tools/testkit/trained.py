"""A small XGBoost model, and what it must answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost


@dataclass(frozen=True)
class Trained:
    """A booster and rows to ask it about."""

    booster: Any
    rows: np.ndarray

    @property
    def expected(self) -> list[float]:
        """The booster's own answers."""
        found: list[float] = self.booster.predict(xgboost.DMatrix(self.rows)).tolist()
        return found

    @property
    def csv(self) -> bytes:
        """The rows as a request's body."""
        return "\n".join(",".join(map(str, row)) for row in self.rows.tolist()).encode()

    def files(self, form: str = "json") -> dict[str, bytes]:
        """What an archive of it has; ``form`` is xgboost's raw format."""
        return {"xgboost-model": bytes(self.booster.save_raw(form))}


def train() -> Trained:
    """The same model every time."""
    random = np.random.default_rng(7)
    rows = random.random((300, 6), dtype=np.float32)
    options = {"objective": "binary:logistic", "nthread": 1}
    return Trained(xgboost.train(options, xgboost.DMatrix(rows, rows.sum(axis=1) > 3), 12), rows[:4])
