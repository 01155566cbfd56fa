"""Constants that float16 cannot hold are named with their line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from unstuck.observe import Observer
from unstuck.observe.collectors.narrow_constants import becomes
from unstuck.record import Run, RunWriter
from unstuck.record.facts import NarrowConstant


class Net(nn.Module):
    def __init__(self, norm: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.norm = nn.Linear(4, 4), norm

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layer(x))


def stated(folder: Path, norm: Callable[[Tensor], Tensor], type_: torch.dtype) -> list[NarrowConstant]:
    torch.manual_seed(0)
    model = Net(norm).to(type_)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with RunWriter(folder) as writer, Observer(model, optimizer, writer):
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(8, 4, dtype=type_)).float().square().mean().backward()
            optimizer.step()
    return list(Run.open(folder).facts(NarrowConstant))


@pytest.mark.parametrize(
    ("norm", "value", "becomes"),
    [
        (lambda x: x / (x.std() + 1e-8), 1e-8, "zero"),
        (lambda x: x * torch.rsqrt(x.square().mean().clamp(min=1e-12)), 1e-12, "zero"),
        (lambda x: nn.functional.normalize(x), 1e-12, "zero"),
        (lambda x: (x + torch.zeros_like(x) * -1e9).clamp(-9.0, 9.0), -1e9, "infinity"),
    ],
)
def test_what_float16_cannot_hold(tmp_path: Path, norm: Callable[[Tensor], Tensor], value: float, becomes: str) -> None:
    (fact,) = stated(tmp_path, norm, torch.float16)
    assert (fact.value, fact.becomes, fact.type, fact.file) == (value, becomes, "float16", __file__)


@pytest.mark.parametrize("type_", [torch.bfloat16, torch.float32])
def test_other_types_hold_it(tmp_path: Path, type_: torch.dtype) -> None:
    assert stated(tmp_path, lambda x: x / (x.std() + 1e-8), type_) == []


def test_an_epsilon_that_is_large_enough(tmp_path: Path) -> None:
    assert stated(tmp_path, lambda x: x / (x.std() + 1e-4) * 1e-9, torch.float16) == []


def test_zero_and_infinity_are_themselves() -> None:
    assert becomes(0.0, torch.float16) is becomes(float("-inf"), torch.float16) is None
