"""Reentrant checkpoints that cut the graph are noted where they are called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.utils import checkpoint

from unstuck.observe.torch_hooks.checkpoints import around_validity, lost, within_checkpoint


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[tuple[str | None, int | None], int]]:
    monkeypatch.setattr(checkpoint, "check_backward_validity", around_validity(checkpoint.check_backward_validity))
    lost.looking, lost.places = True, {}
    yield lost.places
    lost.looking, lost.places = False, {}


@pytest.mark.filterwarnings("ignore:None of the inputs")
@pytest.mark.parametrize(("asks", "reentrant", "cut"), [(False, True, 2), (True, True, 0), (False, False, 0)])
def test_what_asks_for_no_gradient_cuts_a_reentrant_one(
    noted: dict[tuple[str | None, int | None], int], asks: bool, reentrant: bool, cut: int
) -> None:
    layer, inputs = nn.Linear(3, 3), torch.ones(2, 3, requires_grad=asks)
    for _ in range(2):
        checkpoint.checkpoint(layer, inputs, use_reentrant=reentrant)
    assert sum(noted.values()) == cut
    assert all(file == __file__ for file, _ in noted)


@pytest.mark.filterwarnings("ignore:None of the inputs")
def test_nothing_is_noted_while_nobody_looks(noted: dict[tuple[str | None, int | None], int]) -> None:
    lost.looking = False
    checkpoint.checkpoint(nn.Linear(3, 3), torch.ones(2, 3), use_reentrant=True)
    assert not noted


@pytest.mark.parametrize("reentrant", [True, False])
def test_what_runs_within_a_reentrant_checkpoint_is_known(reentrant: bool) -> None:
    seen: list[tuple[bool, bool]] = []

    def layer(inputs: torch.Tensor) -> torch.Tensor:
        seen.append((within_checkpoint(), torch.is_grad_enabled()))
        return inputs * 2

    checkpoint.checkpoint(layer, torch.ones(2, requires_grad=True), use_reentrant=reentrant)
    assert seen == [(reentrant, not reentrant)]
    assert not within_checkpoint()
