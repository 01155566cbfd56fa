"""The function that first gave what is not finite is named, with its line, in the forward pass and behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe import Observer
from unstuck.observe.autograd.graph import operation
from unstuck.observe.collectors.infinite_slopes import steep
from unstuck.record import Run, RunWriter
from unstuck.record.facts import NonFinite
from unstuck.rules import judge


def of_log(output: Tensor, target: Tensor) -> Tensor:
    return (torch.log(output.abs() + 0.1) - torch.log(target)).square().mean()


def of_division(output: Tensor, target: Tensor) -> Tensor:
    return ((output - 1.0) / target).square().mean()


def of_root(output: Tensor, target: Tensor) -> Tensor:
    return (output - output.detach() + target).square().sum(1).sqrt().mean()


def trace(folder: Path, loss: Callable[[Tensor, Tensor], Tensor], *, bad: int) -> NonFinite:
    """Train with targets of which one is zero."""
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with RunWriter(folder) as writer, Observer(model, optimizer, writer):
        for step in range(12):
            target = torch.ones(8, 1)
            if step == 3:
                target[bad] = 0.0
            optimizer.zero_grad()
            loss(model(torch.randn(8, 3)), target).backward()
            optimizer.step()
    fact = Run.open(folder).fact(NonFinite)
    assert fact is not None
    return fact


@pytest.mark.parametrize(("loss", "name"), [(of_log, "log"), (of_division, "div")])
def test_the_call_is_named_with_its_line_and_the_example(
    tmp_path: Path, loss: Callable[[Tensor, Tensor], Tensor], name: str
) -> None:
    fact = trace(tmp_path, loss, bad=5)
    assert (fact.step, fact.what, fact.where, fact.examples) == (3, "activation", name, (5,))
    assert fact.file == __file__
    assert fact.line == loss.__code__.co_firstlineno + 1


def test_a_slope_that_is_infinite_is_suspected(tmp_path: Path) -> None:
    fact = trace(tmp_path, of_root, bad=2)
    assert (fact.step, fact.what, fact.suspects) == (4, "weight", ("sqrt",))
    assert fact.line == of_root.__code__.co_firstlineno + 1
    (found, *_) = judge(Run.open(tmp_path)).findings
    assert (found.code, found.cause) == ("N101", "loss-unstable")
    assert "slope of sqrt is infinite" in found.summary
    assert found.where.line == fact.line


def test_a_square_has_no_such_slope(tmp_path: Path) -> None:
    def weights_broken_by_hand(output: Tensor, target: Tensor) -> Tensor:
        return output.pow(2).mean() * (torch.nan if not target.all() else 1.0)

    assert trace(tmp_path, weights_broken_by_hand, bad=0).suspects == ()


def test_a_call_of_an_earlier_step_is_no_origin(tmp_path: Path) -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer, budget=1e-6) as observer:
        for step in range(400):
            optimizer.zero_grad()
            output = model(torch.randn(8, 3))
            masked = torch.where(output.detach() < 9.0, 0.0, torch.log(output * 0.0))  # not finite, and not used
            loss = output.square().mean() + masked.detach().sum()
            (loss * (torch.nan if step == 399 else 1.0)).backward()
            if step == 399:
                assert not observer._clock.sampled
            optimizer.step()
    fact = Run.open(tmp_path).fact(NonFinite)
    assert fact is not None
    assert (fact.step, fact.where) != (399, "log")


@pytest.mark.parametrize(
    ("compute", "name"),
    [
        (torch.sqrt, "sqrt"),
        (torch.log1p, None),  # its slope is infinite at -1 only, and autograd has no node that is suspected for it
        (lambda x: x**0.5, "pow"),
        (lambda x: x**-1.0, "pow"),
        (lambda x: x**2, None),
        (torch.reciprocal, "reciprocal"),
        (lambda x: x / (x + 1.0), "div"),
        (torch.tanh, None),
        (lambda x: x.std(), "std"),
    ],
)
def test_which_slopes_may_be_infinite(compute: Callable[[Tensor], Tensor], name: str | None) -> None:
    node = compute(torch.ones(3, requires_grad=True)).grad_fn
    assert steep(operation(node), node) == name


def test_calls_are_kept_by_function_with_their_place(watched: Any) -> None:
    model = nn.Linear(3, 1)
    with watched(model) as step:
        output = model(torch.ones(4, 3))
        torch.sqrt(output.abs())
        assert step.view.slope is None
        assert step.view.slopes["sqrt"][0] == __file__
        torch.log(output.detach() * 0.0 - torch.tensor([[1.0], [-1.0], [0.0], [1.0]]))
        spot = step.view.slope
    assert spot is not None
    assert (spot.name, spot.file, spot.count, spot.examples) == ("log", __file__, 3, (0, 2, 3))


def test_a_value_that_was_not_finite_before_is_not_blamed_on_the_call(watched: Any) -> None:
    model = nn.Linear(3, 1)
    with watched(model) as step:
        torch.exp(model(torch.ones(2, 3)) * torch.nan)
        torch.ones(2, dtype=torch.int64).pow(2)
        with torch.no_grad():
            torch.log(torch.zeros(2))
    assert step.view.slope is None
    assert set(step.view.slopes) == {"exp"}
