"""What nodes keep is read only where that runs no code of the program."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from unstuck.observe.autograd.graph import saved


def test_what_a_node_keeps_is_read() -> None:
    x = torch.ones(3, requires_grad=True)
    node: Any = (x.exp()).grad_fn
    assert torch.equal(saved(node, "_saved_result"), x.exp())
    assert saved(node, "_saved_other") is None
    index: Any = x[torch.tensor([0, 2])].grad_fn
    assert [one.tolist() for one in saved(index, "_saved_indices")] == [[0, 2]]


def test_what_was_freed_is_none() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x.exp()
    y.sum().backward()
    assert saved(y.grad_fn, "_saved_result") is None


def test_a_checkpoint_is_not_computed_again() -> None:
    calls: list[int] = []

    def layer(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x.exp()

    y = checkpoint(layer, torch.ones(3, requires_grad=True), use_reentrant=False)
    assert saved(y.grad_fn, "_saved_result") is None
    assert len(calls) == 1
    y.sum().backward()
    assert len(calls) == 2


def test_hooks_of_the_program_unpack_nothing_for_us() -> None:
    unpacked: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: unpacked.append(1) or t):
        x = torch.ones(3, requires_grad=True)
        y = x[torch.tensor([0, 2])].exp()
    assert saved(y.grad_fn, "_saved_result") is None
    assert saved(y.grad_fn.next_functions[0][0], "_saved_indices") is None
    assert not unpacked
