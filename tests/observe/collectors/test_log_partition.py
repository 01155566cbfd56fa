from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.observe.conftest import Watched
from unstuck.observe.collectors.log_partition import log_partition

CLASSES = 50


@pytest.mark.parametrize("shape", [(8,), (5, 8), (5, 8, 3), (2, 8, 3, 4)])
def test_it_is_the_mean_over_all_positions(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    logits = torch.randn(shape)
    assert log_partition(logits) == pytest.approx(float(logits.logsumexp(dim=min(1, len(shape) - 1)).mean()), rel=1e-6)


def test_of_many_positions_some_are_looked_at() -> None:
    found = log_partition(torch.arange(40.0).repeat_interleave(4)[:, None].expand(-1, 65_536))
    assert float(found) == pytest.approx(15.0 + torch.tensor(65_536.0).log().item(), rel=1e-5)


def cross_entropy(output: Tensor) -> Tensor:
    return functional.cross_entropy(output, torch.zeros(4, dtype=torch.int64))


def written(output: Tensor) -> Tensor:
    return -output.log_softmax(dim=1)[torch.arange(4), torch.zeros(4, dtype=torch.int64)].mean()


def in_two_calls(output: Tensor) -> Tensor:
    return functional.nll_loss(functional.log_softmax(output, dim=-1), torch.zeros(4, dtype=torch.int64))


@pytest.mark.parametrize("loss", [cross_entropy, written, in_two_calls])
def test_cross_entropy_is_seen_in_every_form(loss: object) -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(3, CLASSES), torch.randn(4, 3)
    expected = float(model(x).logsumexp(dim=1).mean().detach())
    assert callable(loss)
    with Watched(model) as step:
        loss(model(x)).backward()
        assert step.update()["log_partition"] == pytest.approx(expected, rel=1e-5)


def test_other_losses_have_none() -> None:
    model = nn.Linear(3, CLASSES)
    with Watched(model) as step:
        functional.mse_loss(model(torch.randn(4, 3)), torch.randn(4, CLASSES)).backward()
        assert "log_partition" not in step.update()


def test_few_classes_have_none() -> None:
    model = nn.Linear(3, 5)
    with Watched(model) as step:
        cross_entropy(model(torch.randn(4, 3))).backward()
        assert "log_partition" not in step.update()
