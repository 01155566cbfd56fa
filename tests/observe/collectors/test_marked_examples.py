"""Flags beside a batch are found by their values."""

from __future__ import annotations

import numpy as np
import torch

from unstuck.observe.collectors.marked_examples import Marks, marks


def test_a_list_of_flags_is_found_and_rewards_compared() -> None:
    count = 40
    flags = np.zeros(count)
    flags[:10] = 1.0
    seen = Marks.of(flags, np.where(flags == 1.0, 1.0, np.linspace(-0.1, 0.1, count)))
    assert seen.count == 10
    assert seen.apart is not None
    assert seen.apart > 3.0
    assert seen.joined(seen).count == 20


def test_rewards_of_one_value_are_not_apart() -> None:
    flags = np.array([1.0] * 10 + [0.0] * 30)
    assert Marks.of(flags, np.ones(40)).apart == 0.0


def test_flags_are_read_from_running_functions() -> None:
    over = torch.zeros(40, dtype=torch.bool)
    over[:9] = True
    actions = torch.zeros(40, dtype=torch.int64)
    actions[:4] = 1  # integers are actions
    found = marks(torch.arange(40.0))
    assert (found.count, len(actions), int(over.sum())) == (9, 40, 9)
