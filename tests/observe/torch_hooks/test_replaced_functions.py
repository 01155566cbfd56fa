"""Functions that a program puts in the place of PyTorch's run as often, and with the same result, as without us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Session
from unstuck.observe.torch_hooks.replaced_functions import is_pytorchs
from unstuck.record import RunWriter

REPLACED = (
    (Tensor, "backward"),
    (F, "cross_entropy"),
    (F, "relu"),
    (F, "dropout"),
    (F, "linear"),
    (torch, "flatten"),
    (Tensor, "__rsub__"),
)


def trained(calls: dict[str, int]) -> tuple[list[float], dict[str, int]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses: list[float] = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = F.cross_entropy(torch.flatten(model(torch.randn(6, 4)), 1), torch.arange(6) % 3)
        loss.backward()
        optimizer.step()
        losses.append((1 - loss).item())
    return losses, dict(calls)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Each of them is replaced by one that counts, and scales what a loss gives."""
    counted: dict[str, int] = {}

    def replace(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counting(*args: Any, **kwargs: Any) -> Any:
            counted[name] = counted.get(name, 0) + 1
            result = original(*args, **kwargs)
            return result / 2 if name == "cross_entropy" else result

        monkeypatch.setattr(owner, name, counting)

    for owner, name in REPLACED:
        replace(owner, name)
    return counted


def test_what_a_program_has_replaced_runs_once(calls: dict[str, int], tmp_path: Path) -> None:
    plain = trained(calls)
    calls.clear()
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0) as session:
        watched = trained(calls)
    assert session.failure is None
    assert watched == plain


def test_functions_of_pytorch_are_known() -> None:
    assert all(map(is_pytorchs, (F.relu, torch.relu, Tensor.add, Tensor.backward, F.max_pool2d, Tensor.grad.__get__)))
    assert not any(map(is_pytorchs, (lambda x: x, trained)))
