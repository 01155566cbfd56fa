from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from unstuck.observe import Observer
from unstuck.record import Run, RunWriter
from unstuck.record.facts import CriticalPoint


def saddle(w: Tensor) -> Tensor:
    return 1.0 + w[0] ** 2 - w[1] ** 2


def trained(folder: Path, loss: Callable[[Tensor], Tensor], start: list[float], *, steps: int = 20) -> Tensor:
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = torch.optim.SGD([weight], lr=0.01)
    with RunWriter(folder) as writer, Observer(None, optimizer, writer):
        for _ in range(steps):
            optimizer.zero_grad()
            loss(weight).backward()
            optimizer.step()
    return weight.detach()


def points(folder: Path) -> tuple[CriticalPoint, ...]:
    with Run.open(folder) as run:
        return run.facts(CriticalPoint)


def test_curvature_of_both_signs_shows_a_saddle(tmp_path: Path) -> None:
    trained(tmp_path, saddle, [0.0, 0.0])
    found = points(tmp_path)
    assert [point.step for point in found] == [1, 8]
    assert (found[0].gradient, found[0].loss, found[0].dimensions) == (0.0, 1.0, 2)
    assert (found[0].least, found[0].greatest) == pytest.approx((-2.0, 2.0), rel=1e-5)


def test_no_extra_pass_is_made_where_there_is_a_gradient(tmp_path: Path) -> None:
    trained(tmp_path, saddle, [1.0, 0.5])
    assert points(tmp_path) == ()


def test_no_extra_pass_runs_hooks_of_the_program(tmp_path: Path) -> None:
    calls: list[int] = []

    def hooked(w: Tensor) -> Tensor:
        product = w * 1.0
        product.register_hook(lambda gradient: calls.append(1))
        return saddle(product)

    trained(tmp_path, hooked, [0.0, 0.0])
    assert len(calls) == 20
    assert points(tmp_path) == ()


def test_gradients_that_are_kept_of_activations_are_not_added_to(tmp_path: Path) -> None:
    kept: list[Tensor] = []

    def keeping(w: Tensor) -> Tensor:
        product = w * 1.0
        product.retain_grad()
        kept.append(product)
        return saddle(product) * 1.0

    trained(tmp_path, keeping, [0.0, 0.0])
    assert points(tmp_path) == ()
    assert all(product.grad is not None for product in kept)


@pytest.mark.parametrize("start", [[0.0, 0.0], [1e-8, 0.0]])
def test_the_training_is_that_of_an_unwatched_one(tmp_path: Path, start: list[float]) -> None:
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = torch.optim.SGD([weight], lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        saddle(weight).backward()
        optimizer.step()
    assert torch.equal(trained(tmp_path, saddle, start), weight.detach())
    assert points(tmp_path)


def test_gradients_left_on_frozen_weights_do_not_count(tmp_path: Path) -> None:
    frozen = torch.nn.Parameter(torch.ones(2))
    frozen.sum().backward()
    frozen.requires_grad_(False)
    factors = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))]
    optimizer = torch.optim.SGD([frozen, *factors], lr=0.01)
    with RunWriter(tmp_path) as writer, Observer(None, optimizer, writer):
        for _ in range(4):
            ((frozen + factors[0] * factors[1]) ** 2).sum().backward()
            optimizer.step()
    assert points(tmp_path)[0].dimensions == 4
