"""Where the router listens and what it allows."""

from __future__ import annotations

from dataclasses import dataclass

ADMIN_PREFIX = "/_local/"
"""Paths of the admin API, for callers on this machine only."""


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """``upstream`` is the control plane; ``port`` 0 takes a free one. Sizes are bytes, times are seconds.

    The body limit is the API's own (botocore, shape BodyBlob); the model's time is that of the container contract.
    """

    upstream_host: str
    upstream_port: int
    host: str = "127.0.0.1"
    port: int = 0
    max_body_bytes: int = 6 * 1024 * 1024
    model_timeout_seconds: float = 60.0
    connect_timeout_seconds: float = 2.0
    stream_timeout_seconds: float = 480.0
    """Of a response stream from its request to its end (AWS: Model Hosting FAQs, up to 8 minutes)."""
