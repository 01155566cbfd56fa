"""How far evaluated inputs lie from those of training."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.input_shift import FEWEST, ShiftProbe
from unstuck.record import facts

generator = torch.Generator().manual_seed(0)


def rows(count: int = 4_000, features: int = 6) -> Tensor:
    return torch.randn(count, features, generator=generator)


def shift(trained: Tensor, evaluated: Tensor) -> facts.Shift | None:
    probe = ShiftProbe()
    for batch in trained.split(100):
        probe.train(batch)
    for batch in evaluated.split(100):
        probe.evaluate("there", batch)
    return probe.fact(lambda place: True)


def test_the_same_kind_of_inputs_is_not_far() -> None:
    fact = shift(rows(), rows())
    assert fact is not None
    assert (fact.trained, fact.evaluated) == (4_000, 4_000)
    assert fact.distance < 0.05
    assert fact.spread == pytest.approx(1.0, abs=0.05)


def test_the_distance_is_in_standard_deviations_over_all_features() -> None:
    far = rows() + torch.tensor([3.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    fact = shift(rows(), far)
    assert fact is not None
    assert fact.distance == pytest.approx(3.0 / 6**0.5, rel=0.05)


def test_the_spread_is_a_ratio_of_deviations() -> None:
    fact = shift(3.0 * rows(), rows())
    assert fact is not None
    assert fact.spread == pytest.approx(3.0, rel=0.05)


def test_few_examples_do_not_lie_far_by_chance() -> None:
    distances = []
    for _ in range(20):
        fact = shift(rows(FEWEST), rows(FEWEST))
        assert fact is not None
        distances.append(fact.distance)
    assert sum(distances) / len(distances) < 0.3


def test_the_place_of_most_examples_that_count_is_compared() -> None:
    probe = ShiftProbe()
    probe.train(rows(200))
    probe.evaluate("itself", rows(400))
    probe.evaluate("small", rows(40) + 9.0)
    probe.evaluate("large", rows(80) + 5.0)
    fact = probe.fact(lambda place: place != "itself")
    assert fact is not None
    assert fact.evaluated == 80
    assert probe.fact(lambda place: False) is None


@pytest.mark.parametrize(
    ("trained", "evaluated"),
    [
        (rows(FEWEST - 1), rows(100)),
        (rows(100), rows(FEWEST - 1)),
        (rows(100, 6), rows(100, 5)),
        (torch.ones(100, 3), torch.ones(100, 3)),
        (torch.full((100, 3), torch.nan), rows(100, 3)),
        (torch.randint(5, (100, 3)), torch.randint(5, (100, 3))),
        (torch.rand(100), torch.rand(100)),
    ],
    ids=["few trained", "few evaluated", "other shapes", "constant", "not finite", "ids", "scalars"],
)
def test_nothing_is_said_of_what_cannot_be_compared(trained: Tensor, evaluated: Tensor) -> None:
    assert shift(trained, evaluated) is None


def test_images_are_compared_by_values_spread_over_them() -> None:
    images = torch.randn(300, 3, 32, 32, generator=generator)
    fact = shift(images, images + 1.0)
    assert fact is not None
    assert fact.distance == pytest.approx(1.0, rel=0.1)


def test_fractions_that_were_cut_off_are_seen() -> None:
    given = 4.0 * rows()
    fact = shift(given.trunc(), 4.0 * rows())
    assert fact is not None
    assert (fact.whole, fact.whole_evaluated) == (1.0, 0.0)
    assert fact.cut < 0.05
    fact = shift((rows() > 0.0).float(), rows().abs())
    assert fact is not None
    assert fact.whole == 1.0
    assert fact.cut > 0.2
