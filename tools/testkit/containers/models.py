"""A multi-model container (AWS: Custom Containers Contract for Multi-Model Endpoints).

A model is what its file ``say`` has; MOST_MODELS of them have room. The JSON in a call's body says: gate, touch, forget
(once).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from testkit.containers.server import Container, serve, wait_for

_models: dict[str, str] = {}
_loads: list[str] = []


class Models(Container):
    """Loads, unloads, lists and asks."""

    usual_headers: ClassVar[Mapping[str, str]] = {"Content-Type": "application/json"}

    def do_GET(self) -> None:
        """/ping, /models and /models/{name}."""
        name = self.path.rpartition("/")[2]
        if self.path == "/ping":
            self.answer(200, {})
        elif self.path == "/models" and os.environ.get("NO_MODELS"):
            self.answer(404, {})
        elif self.path == "/models":
            self.answer(200, {"models": [{"modelName": each} for each in _models]})
        else:
            self.answer(200 if name in _models else 404, {})

    def do_DELETE(self) -> None:
        """/models/{name}."""
        self.answer(200 if _models.pop(self.path.rpartition("/")[2], None) else 404, {})

    def do_POST(self) -> None:
        """/models and /models/{name}/invoke."""
        asked, target = json.loads(self.body()), self.headers["X-Amzn-SageMaker-Target-Model"]
        if self.path == "/models":
            self._load(asked, target)
        else:
            self._invoke(self.path.split("/")[2], asked, target)

    def _load(self, asked: dict[str, Any], target: str) -> None:
        said = Path(asked["url"], "say").read_text()
        if said == "slow":
            Path(os.environ["GATE"] + ".begun").touch()
            wait_for(os.environ["GATE"])
        _loads.append(target)
        if said == "broken":
            self.answer(500, b"this model is broken")
        elif asked["model_name"] in _models:
            self.answer(409, {})
        elif len(_models) >= int(os.environ.get("MOST_MODELS", "99")):
            self.answer(507, b"no room")
        else:
            _models[asked["model_name"]] = said
            self.answer(200, {})

    def _invoke(self, name: str, asked: dict[str, Any], target: str) -> None:
        if asked.get("forget") and not Path(asked["forget"]).exists():
            Path(asked["forget"]).touch()
            _models.clear()
        if name not in _models:
            self.answer(404, {})
            return
        if asked.get("touch"):
            Path(asked["touch"]).touch()
        wait_for(asked.get("gate"))
        self.answer(200, {"said": _models[name], "target": target, "pid": os.getpid(), "loads": _loads})


if __name__ == "__main__":
    serve(Models)
