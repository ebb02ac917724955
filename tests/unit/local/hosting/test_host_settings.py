"""Settings that depend on the machine."""

from __future__ import annotations

import pytest

from sagemaker_local.hosting.settings import GIBIBYTE, physical_memory, processes_for


@pytest.mark.parametrize(("gibibytes", "processes"), [(1, 1), (2, 1), (4, 2), (7, 3), (8, 4), (256, 4)])
def test_processes_per_variant_follow_the_memory(gibibytes: int, processes: int) -> None:
    assert processes_for(gibibytes * GIBIBYTE) == processes


def test_the_memory_of_this_machine_is_known() -> None:
    assert physical_memory() > GIBIBYTE // 2
