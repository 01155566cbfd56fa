"""What is made of outputs is followed to rewards, discounts and masks."""

from __future__ import annotations

import torch
from torch import Tensor

from unstuck.observe.collectors.made_values import MOST_KEPT, Made, MadeValues


def target(*, over: Tensor | None) -> Made | None:
    """The trace of a target of four transitions."""
    known = MadeValues()
    output = torch.tensor([1.0, 2.0, 3.0, 4.0]).unsqueeze(1)
    known.source(3, output)
    value = output.squeeze(1)
    discounted = 0.9 * value
    known.call(Tensor.__rmul__, (value, 0.9), discounted)
    if over is not None:
        kept = discounted * (1.0 - over)
        known.call(Tensor.mul, (discounted, 1.0 - over), kept)
        discounted = kept
    reward = torch.tensor([1.0, 0.0, 0.0, 1.0])
    result = reward + discounted
    known.call(Tensor.add, (reward, discounted), result)
    return known.of(result)


def test_rewards_and_discounts_are_known() -> None:
    made = target(over=None)
    assert made is not None
    assert made.data is not None
    assert made.bootstrapped is not None
    assert made.data.tolist() == [1.0, 0.0, 0.0, 1.0]
    assert (made.discount, made.masked, made.plain, made.sources) == (0.9, False, True, frozenset({3}))


def test_ends_are_zeros_of_what_is_added() -> None:
    made = target(over=torch.tensor([1.0, 0.0, 0.0, 0.0]))
    assert made is not None
    assert made.bootstrapped is not None
    assert made.masked
    assert int((made.bootstrapped == 0).sum()) == 1


def test_data_alone_are_made_of_nothing() -> None:
    known = MadeValues()
    one = torch.ones(3)
    known.call(Tensor.add, (one, one), one + one)
    assert known.of(one) is None


def test_the_latest_are_kept() -> None:
    known = MadeValues()
    outputs = [torch.ones(1) for _ in range(MOST_KEPT + 10)]
    for output in outputs:
        known.source(1, output)
    assert known.of(outputs[0]) is None
    assert known.of(outputs[-1]) is not None
