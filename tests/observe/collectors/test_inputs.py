"""What the model takes in is found among its arguments, and measured by feature."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from unstuck.observe.collectors.inputs import (
    FIRST_BATCHES,
    MOST_INPUTS,
    Inputs,
    first_tensor,
    numbers_of,
    whole_examples,
)
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import facts, signals


def inputs_of_nothing() -> Inputs:
    return Inputs(View(roots=Roots(SGD([nn.Parameter(torch.ones(1))], lr=0.1))))


IDS = torch.tensor([[3, 1], [0, 2]])
AMOUNTS = torch.tensor([52_000.0, 31_000.0])
AGES = torch.tensor([[43.0, 0.5], [20.0, 1.5]])


def test_the_first_tensor_of_nested_values() -> None:
    assert first_tensor(("text", {"a": [None, IDS]}, AGES)) is IDS
    assert first_tensor((1, "text")) is None


def test_numbers_beside_ids_are_what_is_measured() -> None:
    assert numbers_of((AGES, IDS)) is AGES
    found = numbers_of({"plan": IDS, "amount": AMOUNTS, "ages": AGES})
    assert found is not None
    assert found.tolist() == [[52_000.0, 43.0, 0.5], [31_000.0, 20.0, 1.5]]


def test_masks_and_other_lengths_are_no_numbers() -> None:
    mask, state = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.randn(1, 2, 8)
    assert numbers_of((IDS, mask, state, torch.randn(5, 3))) is IDS
    assert numbers_of(()) is None


def test_examples_are_told_apart_by_all_that_they_hold() -> None:
    found = whole_examples((IDS, AGES))
    assert found is not None
    assert found.tolist() == [[3.0, 1.0, 43.0, 0.5], [0.0, 2.0, 20.0, 1.5]]
    assert whole_examples((IDS, torch.randn(5, 3))) is IDS
    assert whole_examples(IDS) is IDS
    assert whole_examples("text") is None


def test_the_moments_of_each_feature() -> None:
    probe = inputs_of_nothing()
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randn(50, 3, generator=generator) * torch.tensor([1.0, 10.0, 0.1]) + 5 for _ in range(4)]
    for batch in batches:
        probe.observe(batch)
        assert set(probe.batch()) == {signals.INPUT_MEAN, signals.INPUT_STD, signals.INPUT_NONFINITE}
    fact, whole = probe.fact(), torch.cat(batches).double()
    assert fact is not None
    assert (fact.kind_of, fact.examples) == ("table", 200)
    assert torch.allclose(torch.tensor(fact.feature_means).double(), whole.mean(dim=0))
    assert torch.allclose(torch.tensor(fact.feature_stds).double(), whole.std(dim=0, correction=0))
    assert fact.maximum == whole.max().item()


def test_values_that_are_not_finite_are_counted_and_left_out() -> None:
    probe = inputs_of_nothing()
    probe.observe(torch.tensor([[1.0, torch.inf], [3.0, torch.nan]]))
    assert int(probe.batch()[signals.INPUT_NONFINITE]) == 2
    fact = probe.fact()
    assert fact is not None
    assert fact.feature_means == (2.0, 0.0)


def test_ids_have_no_moments() -> None:
    probe = inputs_of_nothing()
    assert probe.fact() is None
    probe.observe(IDS)
    fact = probe.fact()
    assert fact is not None
    assert (fact.kind_of, fact.feature_means) == ("ids", ())


def test_distinct_values_are_counted_by_feature() -> None:
    probe = inputs_of_nothing()
    probe.observe(torch.tensor([[0.0, -1.0], [0.0, 0.5], [1.0, 0.25], [1.0, -1.0]]))
    probe.observe(torch.tensor([[0.0, 7.0], [0.0, 7.0]]))
    fact = probe.fact()
    assert fact is not None
    assert fact.levels == 3


def test_correlations_between_features() -> None:
    generator = torch.Generator().manual_seed(0)
    apart, common = torch.randn(2000, 8, generator=generator), torch.randn(2000, 1, generator=generator)

    def correlated(values: torch.Tensor) -> float | None:
        probe = inputs_of_nothing()
        for batch in values.split(100):
            probe.observe(batch)
        fact = probe.fact()
        assert fact is not None
        return fact.correlated

    assert 1.0 <= (correlated(apart) or 0.0) < 1.5
    assert correlated(5.0 + 100.0 * apart) == pytest.approx(correlated(apart), rel=1e-3)
    assert (correlated(common + 0.05 * apart) or 0.0) > 1000
    assert correlated(torch.cat([apart, torch.ones(2000, 1)], dim=1)) == pytest.approx(correlated(apart))
    assert correlated(apart[:50]) is None
    assert correlated(apart[:, :2]) is None


class Scaled(nn.Module):
    """Does something to its batch before its first layer sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x / 10.0))


def test_a_batch_that_enters_is_measured(watched: Any) -> None:
    model, x = Scaled(), torch.full((6, 3), 20.0)
    with watched(model) as step:
        model(x)
        sample = step.update()
    assert (sample["input_mean"], sample["input_std"], sample["input_nonfinite"]) == (20.0, 0.0, 0.0)
    assert sample["batch_size"] == 6.0
    (fact,) = step.facts(facts.Inputs)
    assert fact.shape == (6, 3)
    assert fact.first_layer == pytest.approx(2.0), "what reaches the first layer with weights"


class Joined(nn.Module):
    """Joins a time to its batch, behind a layer or before all."""

    def __init__(self, *, late: bool) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 3), nn.Linear(4, 1)
        self.late = late

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        x = self.first(x) if self.late else x
        return self.last(torch.cat([x, t.float()[:, None]], dim=1))


@pytest.mark.parametrize("late", [False, True])
def test_what_inputs_in_parts_are_joined_to_is_measured(watched: Any, late: bool) -> None:
    model, x, t = Joined(late=late), torch.zeros(6, 3), torch.tensor([0, 200, 400, 600, 800, 1000])
    with watched(model) as step:
        model(x, t)
        step.update()
    (fact,) = step.facts(facts.Inputs)
    assert fact.feature_means == (0.0, 0.0, 0.0)
    if late:
        assert (fact.joined_means, fact.joined_stds) == ((), ())
    else:
        assert fact.joined_means == (0.0, 0.0, 0.0, 500.0)
        assert fact.joined_stds == pytest.approx((0.0, 0.0, 0.0, float(t.float().std(correction=0))))


def test_an_evaluation_is_no_input(watched: Any) -> None:
    model = Scaled()
    with watched(model) as step:
        with torch.no_grad():
            model(torch.full((4, 3), 7.0))
        model(torch.full((6, 3), 20.0))
        sample = step.update()
    assert sample["input_mean"] == 20.0
    assert sample["batch_size"] == 6.0


def test_of_many_batches_of_one_step_the_first_ones_count(watched: Any) -> None:
    model = Scaled()
    with watched(model) as step:
        for value in range(3 * MOST_INPUTS):
            model(torch.full((2, 3), float(value)))
        step.update()
    (fact,) = step.facts(facts.Inputs)
    assert fact.examples == 2 * MOST_INPUTS
    assert fact.maximum == MOST_INPUTS - 1


def test_a_step_without_a_batch_has_no_numbers(watched: Any) -> None:
    model = Scaled()
    with watched(model) as step:
        assert "input_mean" not in step.update()
    assert step.facts(facts.Inputs) == []


def test_the_first_batches_tell_what_reaches_the_first_layer() -> None:
    probe = inputs_of_nothing()
    probe.observe(torch.ones(2, 3))
    for size in (1.0,) * (FIRST_BATCHES // 2 + 1) + (100.0,) * 30:
        probe.reach(torch.full((2, 3), size))
    fact = probe.fact()
    assert fact is not None
    assert fact.first_layer == 1.0


def test_a_list_that_holds_itself_is_looked_through_once() -> None:
    around: list[object] = []
    around += [around, {"ids": (first := torch.ones(2, 3))}, second := torch.zeros(2, 1)]
    assert first_tensor(around) is first
    whole = whole_examples(around)
    assert whole is not None
    assert whole.tolist() == torch.cat([first, second], dim=1).tolist()
