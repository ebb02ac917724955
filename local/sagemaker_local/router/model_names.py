"""What a multi-model container knows a model by."""

from __future__ import annotations

import hashlib


def container_name(target_model: str) -> str:
    """An opaque name, the same for the same TargetModel (AWS: Custom Containers Contract for Multi-Model Endpoints)."""
    return hashlib.sha256(target_model.encode()).hexdigest()[:32]
