from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.remedies.trainings import blobs, changed_by, mlp, recorded, weights
from unstuck.learning import Learning
from unstuck.record import Finding, signals
from unstuck.record.facts import FirstCurvature, Optimizer, ParameterGroup
from unstuck.remedies import Change, applied, changed
from unstuck.remedies.learning_rate import LearningRate
from unstuck.rules.rate import derived_higher_rate, lower_rate
from unstuck.testing.rules import record

REMEDY = LearningRate()


def by(**settings: float) -> Change:
    return Change(remedy="learning-rate", settings=settings)


def train(rate: float, *, method: type[torch.optim.Optimizer] = torch.optim.SGD, scheduled: bool = False) -> nn.Module:
    inputs, classes = blobs()
    model = mlp()
    optimizer = method(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9) if scheduled else None
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), classes).backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return model


@pytest.mark.parametrize("method", [torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop])
def test_it_gives_what_the_script_gives_with_that_rate(method: type[torch.optim.Optimizer]) -> None:
    expected = weights(train(0.05, method=method))
    assert torch.equal(changed_by(by(rate=0.05), lambda: train(5.0, method=method)), expected)
    assert torch.equal(changed_by(by(factor=0.5), lambda: train(0.1, method=method)), expected)


def test_a_schedule_goes_on_from_its_own_numbers() -> None:
    expected = weights(train(0.25, scheduled=True))
    assert torch.equal(changed_by(by(factor=0.25), lambda: train(1.0, scheduled=True)), expected)


def test_rates_that_are_tensors_are_multiplied() -> None:
    weight = torch.ones(2, requires_grad=True)
    rate = torch.tensor(1.0)
    with applied(by(factor=0.5)):
        optimizer = torch.optim.Adam([weight], lr=rate)
        weight.sum().backward()
        optimizer.step()
    assert weight.tolist() == pytest.approx([0.5, 0.5])
    assert optimizer.param_groups[0]["lr"] is rate
    assert float(rate) == 1.0


def test_several_groups_keep_their_ratio() -> None:
    first, second = (torch.zeros(1, requires_grad=True) for _ in range(2))
    with applied(by(rate=0.1)):
        optimizer = torch.optim.SGD([{"params": [first], "lr": 1.0}, {"params": [second], "lr": 0.5}])
        (first + second).sum().backward()
        optimizer.step()
    assert (first.item(), second.item()) == pytest.approx((-0.1, -0.05))


def test_learning_is_restored_and_the_record_has_the_rate_of_the_trial(tmp_path: Path) -> None:
    sick = recorded(tmp_path / "sick", lambda: train(300.0))
    trial = recorded(tmp_path / "trial", lambda: train(300.0), by(rate=0.5))
    assert Learning.of(sick).outcome == "none"
    assert Learning.of(trial).outcome == "good"
    assert trial.table(signals.LEARNING_RATE).values.tolist() == [[0.5]]


def test_everything_is_put_back() -> None:
    expected = weights(train(0.1))
    changed_by(by(factor=0.1), lambda: train(0.1))
    assert torch.equal(weights(train(0.1)), expected)


def test_a_step_that_raises_leaves_the_scripts_rate() -> None:
    weight = torch.ones(1, requires_grad=True)

    def fail() -> float:
        raise RuntimeError("out of memory")

    with applied(by(factor=0.5)):
        optimizer = torch.optim.SGD([weight], lr=1.0)
        with pytest.raises(RuntimeError):
            optimizer.step(fail)
        weight.sum().backward()
        optimizer.step()
    assert optimizer.param_groups[0]["lr"] == 1.0
    assert weight.item() == 0.5


def test_nothing_was_changed_where_no_step_was_made() -> None:
    with applied(by(factor=0.1)):
        pass
    assert not changed()


def sgd(*rates: float) -> Optimizer:
    return Optimizer(type="SGD", groups=tuple(ParameterGroup(parameters=1, learning_rate=rate) for rate in rates))


def found(cause: str) -> Finding:
    return Finding(code="O201", cause=cause, severity="error", confidence=0.9, summary="s", advice="a")


def test_the_rate_that_advice_names_is_tried_first(tmp_path: Path) -> None:
    with record(tmp_path, facts=[sgd(10.0), FirstCurvature(along_gradient=0.5)]) as run:
        assert "try lr=0.4" in lower_rate(run)
        assert list(REMEDY.candidates(run, found("lr-too-high"))) == [by(rate=0.4), by(rate=1.0), by(rate=0.1)]
        assert REMEDY.candidates(run, None)[0] == by(rate=0.4)


def test_advice_that_names_a_higher_rate_asks_for_it_whatever_the_finding(tmp_path: Path) -> None:
    with record(tmp_path, facts=[sgd(0.01), FirstCurvature(along_gradient=0.5)]) as run:
        sentence = derived_higher_rate(run)
        advised = replace(found("too-few-steps"), advice=f"{sentence} If that is no better: Train longer.")
        assert list(REMEDY.advised(run, advised)) == [by(rate=0.4)]
        assert REMEDY.advised(run, found("too-few-steps")) == ()


def test_without_a_number_what_advice_describes_is_tried(tmp_path: Path) -> None:
    with record(tmp_path, facts=[sgd(3.0)]) as run:
        assert list(REMEDY.candidates(run, found("lr-too-high"))) == [by(rate=1.0), by(rate=0.3), by(rate=0.03)]
        assert list(REMEDY.candidates(run, found("lr-too-low"))) == [by(rate=30.0), by(rate=300.0)]


def test_groups_of_several_rates_are_multiplied(tmp_path: Path) -> None:
    with record(tmp_path, facts=[sgd(10.0, 1.0), FirstCurvature(along_gradient=0.5)]) as run:
        assert REMEDY.candidates(run, found("lr-too-high"))[0] == by(factor=0.04)


def test_the_bracket_closes_around_the_best(tmp_path: Path) -> None:
    with record(tmp_path, facts=[sgd(1.0)]) as run:
        tried = {by(rate=0.1): 0.3, by(rate=0.01): 0.9}
        assert list(REMEDY.refinements(by(rate=0.01), run, tried)) == [by(rate=0.005), by(rate=0.02)]
        tried |= {by(rate=0.005): 0.2, by(rate=0.02): 0.95}
        assert list(REMEDY.refinements(by(rate=0.01), run, tried)) == []
        assert list(REMEDY.refinements(by(rate=0.02), run, tried)) == [by(rate=0.04)]
        tried |= {by(rate=0.04): 0.5}
        assert list(REMEDY.refinements(by(rate=0.02), run, tried)) == []


def test_a_neighbour_that_is_missing_comes_first_and_far_off_while_little_is_learnt(tmp_path: Path) -> None:
    with record(tmp_path, facts=[sgd(1.0)]) as run:
        assert list(REMEDY.refinements(by(rate=100.0), run, {by(rate=100.0): 0.2})) == [by(rate=1000.0), by(rate=50.0)]
        assert list(REMEDY.refinements(by(rate=100.0), run, {by(rate=100.0): 0.95})) == [by(rate=200.0), by(rate=50.0)]
        assert list(REMEDY.refinements(by(rate=2.0), run, {by(rate=2.0): 0.95, by(rate=4.0): -1.0})) == []


def test_it_says_what_it_does(tmp_path: Path) -> None:
    with record(tmp_path, facts=[sgd(1.0)]) as run:
        assert REMEDY.words(by(rate=0.01), run) == "with the rate at 0.01"
        assert REMEDY.words(by(factor=0.1), run) == "with the rate times 0.1"
        assert REMEDY.obstacle(run) is None
    with record(tmp_path / "own") as run:
        assert REMEDY.candidates(run, None) == ()


def by_hand(rate: float, *, returned: bool = False) -> torch.Tensor:
    weight = torch.tensor([1.0, -2.0], requires_grad=True)
    for _ in range(3):
        loss = weight.square().sum()
        if returned:
            (gradient,) = torch.autograd.grad(loss, weight)
        else:
            loss.backward()
            gradient = weight.grad
        with torch.no_grad():
            weight -= rate * gradient
        weight.grad = None
    return weight.detach()


@pytest.mark.parametrize("returned", [False, True])
def test_weights_that_are_updated_by_hand_move_at_the_other_rate(returned: bool, tmp_path: Path) -> None:
    with applied(by(factor=0.25)):
        moved = by_hand(0.4, returned=returned)
    assert changed()
    assert torch.allclose(moved, by_hand(0.1))
    with recorded(tmp_path, lambda: by_hand(0.4)) as run:
        assert REMEDY.candidates(run, found("lr-too-high"))[0] == by(factor=1 / 3)
        assert REMEDY.obstacle(run) is None


def test_a_penalty_on_gradients_keeps_its_size() -> None:
    weight = torch.tensor([2.0], requires_grad=True)
    with applied(by(factor=0.5)):
        (gradient,) = torch.autograd.grad(weight.square().sum(), weight, create_graph=True)
        gradient.square().sum().backward()
    assert gradient.item() == 4.0
    assert weight.grad is not None
    assert weight.grad.item() == 8.0
