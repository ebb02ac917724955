"""The store of a multi-model container where what it depends on is not there."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.control.lifecycle.fleets import fleet_spec
from sagemaker_local.control.state.endpoint import Variant
from sagemaker_local.control.state.records import Container, ProductionVariant, ServerlessConfig
from sagemaker_local.hosting.load_times import LoadTimes
from sagemaker_local.hosting.multi_model import ModelNotLoadedError, ModelStore, NotLoaded, StoreTools
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.storage import Storage

KEY = ("111122223333", "eu-west-1", "e")


def variant(**fields: Any) -> Variant:
    production = ProductionVariant("main", "m", **fields)
    container = Container("i", "s3://data/models/", mode="MultiModel")
    return Variant(production, (container,), 0.0, 1.0, 1.0, 1, 1)


def test_s3_that_does_not_answer_is_a_dependency(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        settings, said, times = HostSettings(tmp_path, url), [], LoadTimes()

        class Server:
            port = 1

        async def in_thread(call: Any, *arguments: Any) -> None:
            await asyncio.to_thread(call, *arguments)

        async def nothing(models: Any) -> None:
            return None

        async def go() -> None:
            tools = StoreTools(settings, Storage(url), in_thread, said.append, times)
            server: Any = Server()
            store = ModelStore(server, fleet_spec(KEY, variant()), tools, tmp_path / "i-1")
            with pytest.raises(ModelNotLoadedError) as caught:
                await store.load("a.tar.gz", nothing)
            assert caught.value.reason is NotLoaded.DEPENDENCY
            assert store.models == ()
            assert times.take() == {}

        asyncio.run(go())
    assert "a.tar.gz was not loaded" in said[0]
    assert list((tmp_path / "i-1" / "models").iterdir()) == []


def test_a_serverless_container_has_three_minutes_to_become_healthy() -> None:
    serverless = fleet_spec(KEY, variant(serverless_config=ServerlessConfig(1024, 1)))
    assert serverless.most_startup_seconds == 180
    assert fleet_spec(KEY, variant(instance_type="ml.m5.large")).most_startup_seconds is None
