"""Gradients by position, with and without what passes a whole sequence on as one vector."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe.autograd.positions import between, by_position, keeping_positions, statistics_over_positions

EXAMPLES, LENGTH, WIDTH = 3, 7, 4


def vectors() -> Tensor:
    return torch.randn(EXAMPLES, LENGTH, WIDTH, generator=torch.Generator().manual_seed(0)).requires_grad_()


def test_norms_are_those_of_the_jacobian() -> None:
    given, mix = vectors(), torch.randn(LENGTH, LENGTH)
    output = (mix @ given.tanh()).sum(dim=2)
    weights = torch.zeros(EXAMPLES, LENGTH)
    weights[:, 2] = 1.0
    found = by_position(output, given, weights)
    wanted = mix[2].abs() * (1 - given.tanh() ** 2).norm(dim=2)
    assert found is not None
    torch.testing.assert_close(found, wanted.detach().to(found.dtype))
    assert given.grad is None


def test_a_graph_that_is_gone_or_leads_elsewhere_gives_nothing() -> None:
    given = vectors()
    output = given.exp().sum(dim=2)
    assert by_position(output, vectors(), torch.ones_like(output)) is None
    output.sum().backward()
    assert by_position(output, given, torch.ones_like(output)) is None


def test_nodes_between_are_found() -> None:
    given = vectors()
    middle = given * 2
    assert [type(node).__name__ for node in between(middle.exp(), middle)] == ["ExpBackward0"]


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(WIDTH), nn.GroupNorm(2, WIDTH)])
def test_norms_over_positions_are_known(norm: nn.Module) -> None:
    given = vectors()
    assert statistics_over_positions(between(norm(given.transpose(1, 2) * 1.0), given))
    assert not statistics_over_positions(between(nn.LayerNorm(WIDTH)(given * 1.0), given))


def left(module: nn.Module, *, mix: bool = False) -> float:
    """What is left of the gradient behind a position when summaries are blocked."""
    given = vectors()
    middle = given * 1.0
    output = module(middle)
    if mix:
        output = output + torch.ones(LENGTH, LENGTH) @ middle
    blocked = keeping_positions(between(output, middle), EXAMPLES, {LENGTH})
    weights = torch.zeros(EXAMPLES, LENGTH, WIDTH)
    weights[:, 2] = 1.0
    norms = by_position(output, middle, weights, blocked)
    return 0.0 if norms is None else float(norms[:, 3:].sum())


class Pooled(nn.Module):
    def forward(self, given: Tensor) -> Tensor:
        return given.mean(dim=1, keepdim=True).expand(-1, LENGTH, -1) * 2.0


class Convolved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)

    def forward(self, given: Tensor) -> Tensor:
        return self.layer(given.transpose(1, 2)).transpose(1, 2)


def test_what_comes_through_one_vector_is_told_apart() -> None:
    assert left(Pooled()) == 0.0
    assert left(Pooled(), mix=True) > 0.0
    assert left(Convolved()) > 0.0
