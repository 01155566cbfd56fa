"""Distributed tensors are recognised by what they say of themselves; processes are not needed for that."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from unstuck.observe.tensors.distributed import is_distributed, is_sharded, values_here


@dataclass
class Placement:
    replicated: bool

    def is_replicate(self) -> bool:
        return self.replicated


class Mesh:
    def __init__(self, *sizes: int) -> None:
        self.ndim, self._sizes = len(sizes), sizes

    def size(self, dimension: int) -> int:
        return self._sizes[dimension]


def spread(placements: tuple[bool, ...], sizes: tuple[int, ...]) -> Any:
    return SimpleNamespace(placements=tuple(map(Placement, placements)), device_mesh=Mesh(*sizes))


def test_an_ordinary_tensor_is_whole_here() -> None:
    weight = torch.ones(2, requires_grad=True)
    assert not is_distributed(weight)
    assert not is_sharded(weight)
    here = values_here(weight)
    assert not here.requires_grad
    assert here.data_ptr() == weight.data_ptr()


@pytest.mark.parametrize(
    ("placements", "sizes", "sharded"),
    [
        ((False,), (2,), True),
        ((True,), (2,), False),
        ((False,), (1,), False),
        ((True, False), (4, 1), False),
        ((True, False), (4, 2), True),
    ],
)
def test_a_part_is_here_where_a_dimension_of_several_processes_is_not_replicated(
    placements: tuple[bool, ...], sizes: tuple[int, ...], sharded: bool
) -> None:
    tensor = spread(placements, sizes)
    assert is_distributed(tensor)
    assert is_sharded(tensor) is sharded


def test_the_values_here_are_the_local_ones() -> None:
    local = torch.ones(3)

    class Distributed:
        def detach(self) -> Distributed:
            return self

        def to_local(self) -> torch.Tensor:
            return local

    assert values_here(Distributed()) is local  # pyright: ignore[reportArgumentType]
