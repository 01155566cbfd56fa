"""Data that are cast to half precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.observe.collectors.sequences import facts_of
from unstuck.record.facts import RoundedInput

BFLOAT = torch.bfloat16


def rounded(folder: Path, cast: Callable[[Tensor], Tensor]) -> list[RoundedInput]:
    def step(model: nn.Module) -> Tensor:
        x = 294.0 + 1.5 * torch.randn(64, 8)
        return F.mse_loss(model(cast(x).float()), torch.randn(64, 1))

    return facts_of(folder, RoundedInput, nn.Linear(8, 1), step)


CASTS: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.to(BFLOAT) - 294.0,
    lambda x: x.bfloat16() - 294.0,
    lambda x: x.type(BFLOAT) - 294.0,
    lambda x: (x * 10.0).half() - 2940.0,
]


@pytest.mark.parametrize("cast", CASTS, ids=["to", "bfloat16", "type", "half"])
def test_differences_that_are_rounded_away_are_counted(tmp_path: Path, cast: Callable[[Tensor], Tensor]) -> None:
    (fact,) = rounded(tmp_path, cast)
    assert fact.left < 0.75
    assert fact.apart == 2.0
    assert fact.line is not None


def test_data_that_are_normalised_first_keep_their_differences(tmp_path: Path) -> None:
    assert not rounded(tmp_path / "normalised", lambda x: ((x - 294.0) / 1.5).to(BFLOAT))
    assert not rounded(tmp_path / "wide", lambda x: (x - 294.0).double())
