"""The control plane's operations without a server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sagemaker_local.control.operations.registry import OPERATIONS
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.control.switches import DEFAULTS, Switches
from sagemaker_local.control.wire.decoding import decode
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.control.wire.replies import encoded
from sagemaker_local.control.wire.service import operation_model
from sagemaker_local.control.wire.validation import validated


def called(state: AccountState, name: str, members: Mapping[str, Any], now: float = 1.0) -> Any:
    """What an operation answers to a request that came over the wire. Raises ApiError."""
    operation, model = OPERATIONS[name], operation_model(name)
    asked = decode(operation.input_type, validated(model.input, members))
    reply = operation.behaviour(state, asked, now)
    encoded(model.output, reply)
    return reply


class Account:
    """One account's state, called as the wire calls it. ``now`` is the clock."""

    def __init__(self, switches: Switches = DEFAULTS) -> None:
        self.state: AccountState = Store(lambda key: None, switches).of("111122223333", "eu-west-1")
        self.now = 1.0

    def call(self, name: str, **members: Any) -> Any:
        """What the operation answers. Raises ApiError."""
        return called(self.state, name, members, self.now)

    def refused(self, name: str, **members: Any) -> tuple[str, str]:
        """Code and message of the refusal."""
        with pytest.raises(ApiError) as caught:
            self.call(name, **members)
        return caught.value.code, caught.value.message
