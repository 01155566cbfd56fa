"""What the parts of a tensor give together is what the whole gives; ``tests/diagnose`` has real ranks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, distributed

from unstuck.observe.sharded import shards
from unstuck.observe.sharded.rank_store import RankStore
from unstuck.record import signals

pytestmark = pytest.mark.skipif(not distributed.is_available(), reason="PyTorch is built without torch.distributed")


def measured(old: Tensor, gradient: Tensor | None, change: Tensor) -> np.ndarray:
    """One rank's row for a part of a parameter."""
    parameter = (old + change).requires_grad_()
    parameter.grad = gradient
    probe = shards.ShardProbe(RankStore(distributed.HashStore(), rank=0))
    with torch.no_grad():
        return probe._measure(parameter, old).numpy()


def test_uneven_and_empty_parts_add_up_to_the_whole() -> None:
    torch.manual_seed(0)
    old, gradient, change = torch.randn(3, 7, dtype=torch.float64)
    gradient[2] = 0.0
    parts = [slice(0, 4), slice(4, 7), slice(7, 7)]
    whole = shards._whole(np.stack([measured(old[part], gradient[part], change[part]) for part in parts]))
    weight, change = old + change, (old + change) - old
    assert whole[signals.WEIGHT_NORM] == pytest.approx(float(weight.norm()))
    assert whole[signals.GRADIENT_NORM] == pytest.approx(float(gradient.norm()))
    assert whole[signals.GRADIENT_MAX] == pytest.approx(float(gradient.abs().max()))
    assert whole[signals.GRADIENT_ZEROS] == pytest.approx(1 / 7)
    assert whole[signals.UPDATE_RATIO] == pytest.approx(float(change.norm() / weight.norm()))
    cosine = torch.dot(change, gradient) / (change.norm() * gradient.norm())
    assert whole[signals.UPDATE_GRADIENT_COSINE] == pytest.approx(float(cosine))
    assert whole[signals.GRADIENT_NONFINITE] == 0


def test_what_is_not_finite_is_counted_over_the_parts() -> None:
    bad = torch.tensor([1.0, float("nan")])
    rows = np.stack([measured(torch.ones(2), bad, torch.zeros(2)), measured(torch.ones(2), bad, torch.zeros(2))])
    assert shards._whole(rows)[signals.GRADIENT_NONFINITE] == 2


def test_a_part_without_a_gradient_leaves_the_gradient_unknown() -> None:
    rows = np.stack([measured(torch.ones(2), None, torch.ones(2)), measured(torch.ones(2), None, torch.ones(2))])
    whole = shards._whole(rows)
    assert np.isnan(whole[signals.GRADIENT_NORM])
    assert whole[signals.WEIGHT_NORM] == pytest.approx(4.0)
