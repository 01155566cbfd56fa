from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unstuck.observe.collectors.shared_windows import Shared, SharedWindows

generator = torch.Generator().manual_seed(0)
SERIES = {
    "ids": torch.randint(0, 60, (900,), generator=generator).unfold(0, 24, 1),
    "numbers": torch.randn(900, generator=generator).unfold(0, 24, 1),
    "features last": torch.randn(900, 5, generator=generator).unfold(0, 24, 1).transpose(1, 2),
    "features first": torch.randn(900, 5, generator=generator).unfold(0, 24, 1),
    "every sixth": torch.randn(3000, generator=generator).unfold(0, 24, 6),
}


def compared(trained: Tensor, evaluated: Tensor) -> Shared:
    known = SharedWindows()
    for part in trained.split(64):
        known.train("train.py:1", part)
    for part in evaluated.split(100):
        known.evaluate("train.py:2", part)
    found = known.shared("train.py:2", {"train.py:1"})
    assert found is not None
    return found


@pytest.mark.parametrize("kind", SERIES)
def test_a_random_split_puts_windows_between_others(kind: str) -> None:
    windows = SERIES[kind]
    order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(1))
    part = len(order) // 5
    found = compared(windows[order[part:]], windows[order[:part]])
    assert found.inside > 0.9 * found.evaluated
    assert found.branching < 0.01


@pytest.mark.parametrize("kind", SERIES)
def test_a_split_in_time_does_not(kind: str) -> None:
    windows = SERIES[kind]
    part = len(windows) // 5
    assert compared(windows[:-part], windows[-part:]).inside == 0


def test_windows_of_a_period_are_met_whole() -> None:
    windows = (torch.arange(900) % 40).unfold(0, 24, 1)
    assert compared(windows[:700], windows[700:]).inside == 0


def test_sentences_of_a_small_grammar_go_on_in_several_ways() -> None:
    words = torch.randint(0, 2, (900,), generator=torch.Generator().manual_seed(2)).unfold(0, 12, 1)
    assert compared(words[:700], words[700:]).branching > 0.2


@pytest.mark.parametrize("batch", [torch.rand(4, 3), torch.rand(4, 1, 9, 9), torch.rand(4), torch.empty(0, 9)])
def test_what_holds_no_windows(batch: Tensor) -> None:
    known = SharedWindows()
    known.train("train.py:1", batch)
    known.evaluate("train.py:2", batch)
    assert known.shared("train.py:2", {"train.py:1"}) is None
