"""Outputs that are clamped into 0 to 1, and those that lie there anyway."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from unstuck.observe.autograd.clamped import clamped_off

SCORES = torch.tensor([[-3.0, 0.5], [0.25, 4.0]], requires_grad=True)


@pytest.mark.parametrize(
    ("made", "share"),
    [
        (lambda x: x.clamp(1e-7, 1 - 1e-7), 0.5),
        (lambda x: torch.log(x.clamp(1e-7, 1 - 1e-7)), 0.5),
        (lambda x: x.clamp(min=1e-7).flatten().log().unsqueeze(0), 0.5),
        (lambda x: torch.clamp_min(x, 1e-7).log(), 0.5),
        (lambda x: x.softmax(1).clamp(1e-7, 1 - 1e-7).log(), 0.0),
        (lambda x: (x.sigmoid() * (1 + 1e-5)).clamp(0, 1), 0.0),
        (lambda x: x.softmax(1).log(), None),
        (lambda x: x + 1, None),
        (lambda x: x.clamp(min=torch.finfo(x.dtype).min), None),
        (lambda x: x.clamp(max=1.0), None),
        (lambda x: x.detach().clamp(0, 1), None),
    ],
)
def test_the_share_of_what_is_cut_off(made: Callable[[Tensor], Tensor], share: float | None) -> None:
    found = clamped_off(made(SCORES).grad_fn)
    assert (found is None) if share is None else (found is not None and float(found) == share)


def test_values_that_a_backward_pass_has_freed_are_not_known() -> None:
    clamped = SCORES.clamp(0, 1)
    clamped.sum().backward()
    assert clamped_off(clamped.grad_fn) is None
