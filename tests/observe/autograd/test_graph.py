"""What walking a graph finds; what its nodes keep is read only where that runs no code of the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unstuck.observe.autograd import graph as module
from unstuck.observe.autograd.graph import (
    GraphWalk,
    edges_at,
    exchanges_axes,
    operation,
    place_in_graph,
    producer,
    saved,
    walk,
)


class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def test_leaves_operations_and_own_functions_are_found() -> None:
    first, second, other = (torch.ones(2, requires_grad=True) for _ in range(3))
    found = GraphWalk((Own.apply(first).exp() * second + second).sum())
    assert found.leaves == {id(first), id(second)}
    assert {id(variable) for variable in found.variables} == found.leaves
    assert id(other) not in found.leaves
    assert found.operations[:2] == ["Sum", "Add"]
    assert {"Mul", "Exp"} <= set(found.operations)
    assert found.custom == [Own]
    assert found.complete


def test_a_leaf_is_its_own_graph_and_a_constant_has_none() -> None:
    weight = torch.ones((), requires_grad=True)
    assert GraphWalk(weight).variables == [weight]
    assert GraphWalk(torch.ones(())).variables == []
    assert list(walk(torch.ones(()))) == []


def test_uses_are_those_of_the_parameter_that_is_used_least() -> None:
    shared, head = nn.Linear(2, 2), nn.Linear(2, 1)
    x = torch.ones(1, 2)
    assert GraphWalk(head(shared(shared(x))).sum()).uses == 1
    assert GraphWalk((shared(x) + shared(x)).sum()).uses == 2
    assert GraphWalk(torch.ones(())).uses == 0


@pytest.mark.parametrize("layer", [nn.Linear(2, 2), nn.Linear(2, 2, bias=False), nn.Conv1d(2, 2, 1)], ids=repr)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_loss_leads_through_weights_that_it_multiplies_frozen_or_not(layer: nn.Module, frozen: bool) -> None:
    own = nn.Conv1d(2, 2, 1) if isinstance(layer, nn.Conv1d) else nn.Linear(2, 2)
    x = torch.ones(1, 2, 2)
    layer.requires_grad_(not frozen)
    weights = {id(parameter) for parameter in layer.parameters()}
    assert GraphWalk(layer(own(x)).sum()).leads_through(weights)
    assert not GraphWalk(layer(own(x).detach()).sum() + own(x).sum()).leads_through({id(torch.ones(1))})
    assert not GraphWalk(own(layer(x).detach()).sum()).leads_through(weights)
    assert not GraphWalk(own(x).sum()).leads_through(set())


def test_each_node_is_met_once_and_breadth_first() -> None:
    weight = torch.ones(2, requires_grad=True)
    doubled = weight * 2
    nodes = list(walk((doubled.exp() + doubled.log()).sum()))
    assert len(nodes) == len(set(nodes))
    assert [operation(node) for node in nodes[:2]] == ["Sum", "Add"]
    assert {operation(node) for node in nodes[2:4]} == {"Exp", "Log"}


def test_a_graph_that_is_too_large_is_walked_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NODES", 10)
    value = torch.ones(2, requires_grad=True)
    for _ in range(20):
        value = value.exp()
    assert not GraphWalk(value.sum()).complete


def test_a_deep_graph_is_no_recursion() -> None:
    value = torch.ones(1, requires_grad=True)
    for _ in range(5_000):
        value = value + 1.0
    assert GraphWalk(value).complete


MOVES: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "nothing": (lambda x: x, False),
    "view": (lambda x: x.view(3, 2), False),
    "transpose": (lambda x: x.transpose(0, 1), True),
    "matrix": (lambda x: x.T, True),
    "permute and view": (lambda x: x.permute(1, 0).reshape(-1), True),
    "slice and squeeze": (lambda x: x[:1].squeeze(0), False),
    "copy": (lambda x: x.double().clone(), False),
}


@pytest.mark.parametrize(("move", "exchanged"), MOVES.values(), ids=MOVES.keys())
def test_what_computed_the_values_is_found_past_what_moves_them(
    move: Callable[[Tensor], Tensor], exchanged: bool
) -> None:
    moved = move(torch.ones(2, 3, requires_grad=True).tanh())
    assert operation(producer(moved)) == "Tanh"
    assert exchanges_axes(moved) is exchanged


def test_of_a_leaf_nothing_computed_the_values() -> None:
    assert producer(torch.ones(2, requires_grad=True)) is None
    assert not exchanges_axes(torch.ones(2))
    assert "AccumulateGrad" in operation(producer(torch.ones(2, 2, requires_grad=True).T))


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


def test_a_tensor_is_found_again_by_its_place() -> None:
    x = torch.ones(3, 2, requires_grad=True)
    left, right = (2.0 * x).unbind(1)
    elsewhere = (3.0 * x).sum()
    places = [place_in_graph(one) for one in (left, right, elsewhere)]
    assert place_in_graph(x) is None
    loss = (left - 5.0 * right).sum()
    del left, right
    edges = edges_at(loss, [place for place in places if place], most=100)
    assert set(edges) == set(places[:2])
    gradients = torch.autograd.grad(loss, [edges[place] for place in places[:2] if place])
    assert [gradient.tolist() for gradient in gradients] == [[1.0] * 3, [-5.0] * 3]
    assert edges_at(loss, [place for place in places if place], most=1) == {}
