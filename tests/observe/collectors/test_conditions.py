"""Classes beside noisy examples are told from time steps, and whether they are those of the examples."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.conditions import Conditions
from unstuck.record import facts

PLACE = ("train.py", 7)


def examples(count: int, width: int = 2) -> tuple[Tensor, Tensor]:
    """Four clouds with their numbers."""
    torch.manual_seed(0)
    kinds = torch.randint(4, (count,))
    return 3.0 * torch.randn(4, width).double()[kinds] + 0.3 * torch.randn(count, width).double(), kinds


def condition(beside: Any, *, width: int = 2, noise_asked: bool = False, known: bool = False) -> facts.Condition | None:
    x, kinds = examples(1_200, width)
    noise, t = torch.randn_like(x), torch.rand(1_200, 1).double()
    seen = Conditions()
    for part in range(0, 1_200, 300):
        rows = slice(part, part + 300)
        given, target = ((1 - t) * x + t * noise)[rows], (noise if noise_asked else x - noise)[rows]
        seen.take(
            noise[rows], given, target, [one[rows] for one in beside(t, kinds)], levels=t[rows, 0] if known else None
        )
    return seen.fact(PLACE)


def test_classes_of_the_examples_are_related_to_them() -> None:
    fact = condition(lambda t, kinds: [t, kinds])
    assert fact is not None
    assert (fact.kinds, fact.file, fact.line) == (4, *PLACE)
    assert fact.related is not None
    assert fact.related > 20.0


@pytest.mark.parametrize(
    "way", [{}, {"width": 32}, {"width": 32, "noise_asked": True}, {"noise_asked": True, "known": True}]
)
def test_classes_of_other_examples_are_not(way: dict[str, Any]) -> None:
    fact = condition(lambda t, kinds: [t, kinds.flip(0)], **way)
    assert fact is not None
    assert fact.related is not None
    assert abs(fact.related) < 4.0


@pytest.mark.parametrize(
    "beside",
    [
        lambda t, kinds: [t],
        lambda t, kinds: [(t * 50).long()],
        lambda t, kinds: [kinds],
        lambda t, kinds: [t, torch.randn(len(t), 3), kinds],
        lambda t, kinds: [t, torch.arange(len(t)), kinds],
    ],
    ids=["a time alone", "a time of few values", "no time", "other numbers too", "as many kinds as examples"],
)
def test_what_is_no_kind_is_none(beside: Any) -> None:
    assert condition(beside) is None


def test_noise_alone_in_two_numbers_leaves_its_level_unknown() -> None:
    assert condition(lambda t, kinds: [t, kinds], noise_asked=True) is None


def test_what_sets_the_commonest_apart_is_asked() -> None:
    rare = condition(lambda t, kinds: [t, kinds.clamp(max=1)])
    dropped = condition(lambda t, kinds: [t, torch.where(torch.rand(len(t)) < 0.2, kinds, 9)])
    assert rare is not None
    assert dropped is not None
    assert rare.apart is not None
    assert dropped.apart is not None
    assert rare.apart > 10.0 > 4.0 > dropped.apart
    assert (dropped.kinds, round(dropped.commonest, 1)) == (5, 0.8)


def test_examples_that_are_asked_for_whole() -> None:
    x, kinds = examples(600)
    for beside, related in ((kinds, True), (kinds.flip(0), False)):
        seen = Conditions()
        seen.take_whole(x, [beside])
        fact = seen.fact(PLACE)
        assert fact is not None
        assert fact.related is not None
        assert (fact.related > 5.0) is related
    assert not seen.full
    assert Conditions().fact(PLACE) is None
