"""The admin API of local SageMaker."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


def ask(url: str, method: str, path: str, body: object = None) -> Any:
    """The JSON that it answers; ``path`` is below ``/_local/``. Raises HTTPError for a refusal."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/_local/{path}", data, method=method)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())


def get(url: str, path: str, **headers: str) -> tuple[str, bytes]:
    """Content type and body of what is below ``/_local/``."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_local/{path}", headers=headers), timeout=60) as reply:
        return reply.headers["Content-Type"], reply.read()
