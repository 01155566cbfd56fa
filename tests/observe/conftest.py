"""What several tests of watching need."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from torch import distributed
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh


@pytest.fixture(autouse=True)
def same_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back how crashes are printed: ``init_process_group`` writes the rank before each line, for good."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.fixture
def two_ranks() -> Iterator[DeviceMesh]:
    """Two processes, of which this is the first, and whose collective calls end at once and move nothing."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    try:
        yield init_device_mesh("cpu", (2,), mesh_dim_names=("ranks",))
    finally:
        distributed.destroy_process_group()
