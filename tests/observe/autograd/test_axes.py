from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unstuck.observe.autograd.axes import followed, result_shape

SHAPE = (4, 2, 5, 3)

MOVES: dict[str, Callable[[Tensor], Tensor]] = {
    "nothing": lambda x: x,
    "flatten": lambda x: x.flatten(0, 2),
    "split and join": lambda x: x.reshape(2, 2, 10, 3),
    "transpose": lambda x: x.transpose(-1, -3),
    "permute": lambda x: x.permute(0, -1, 1, 2),
    "matrix": lambda x: x[0, 0].t(),
    "select": lambda x: x[:, -1],
    "unsqueeze": lambda x: x.unsqueeze(2).unsqueeze(-1),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "squeeze all": lambda x: x[:1].squeeze(),
    "slice": lambda x: x[:, :, 1:],
    "expand": lambda x: x.expand(6, *SHAPE),
    "unbind": lambda x: x.unbind(2)[1],
    "chunk": lambda x: x.chunk(2, dim=2)[0],
    "mask": lambda x: x[torch.arange(40).reshape(4, 2, 5) % 3 > 0],
    "several": lambda x: x.movedim(1, 2).flatten(0, 1).mT.contiguous()[:, 1:],
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES.keys())
def test_an_axis_is_followed_to_where_the_values_say_it_was(move: Callable[[Tensor], Tensor]) -> None:
    """The oracle: numbers that change along one axis alone change, behind the move, along the axis that it became."""
    base = torch.zeros(SHAPE, requires_grad=True)
    told = 0
    for axis, length in enumerate(SHAPE):
        numbers = torch.arange(length).reshape([-1 if i == axis else 1 for i in range(4)]) + base
        moved = move(numbers)
        for after in range(moved.dim()):
            node, before = followed(moved.grad_fn, after)
            changes = bool((moved.diff(dim=after) != 0).any())
            alone = not any(bool((moved.diff(dim=other) != 0).any()) for other in range(moved.dim()) if other != after)
            assert result_shape(node) == SHAPE
            if before == axis:
                assert changes
                assert alone
                told += 1
            elif before is not None:
                assert not changes
    assert told, "no axis was followed"


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("layout", [torch.jagged, torch.strided])
def test_nested_results_have_no_shape(layout: torch.layout) -> None:
    sequences = [torch.ones(2, 3), torch.ones(4, 3)]
    nested = torch.nested.nested_tensor(sequences, layout=layout, requires_grad=True)
    assert result_shape((nested * 2).grad_fn) == ()


def test_an_axis_that_was_joined_of_two_is_not_told() -> None:
    x = torch.zeros(SHAPE, requires_grad=True).exp()
    assert followed(x.flatten(1).grad_fn, 1)[1] is None
    assert followed(x.reshape(2, 2, 2, 5, 3).grad_fn, 0)[1] is None
