"""A loss that is not finite is traced to the first thing that was not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from unstuck.observe.collectors.infinite_slopes import Spot
from unstuck.observe.collectors.nan_origin import origin
from unstuck.observe.collectors.view import View
from unstuck.observe.user_code.model_roots import Roots


@pytest.fixture
def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


@pytest.fixture
def view(model: nn.Module) -> View:
    view = View(roots=Roots(SGD(model.parameters(), lr=0.1)))
    view.roots.add(model)
    return view


def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(6, 3), torch.randn(6, 2)


def test_a_weight_is_named_first_with_the_function_that_broke_it(model: nn.Sequential, view: View) -> None:
    x, y = batch()
    with torch.no_grad():
        model[2].weight[1] = torch.inf
    x[2] = torch.nan
    view.slopes["sqrt"] = ("script.py", 7)
    found = origin((model(x) - y).square().mean().sqrt(), view, step=5)
    assert (found.step, found.what, found.where, found.count) == (5, "weight", "2.weight", 4)
    assert (found.suspects, found.file, found.line) == (("sqrt",), "script.py", 7)


def test_a_call_that_was_seen_comes_next(model: nn.Sequential, view: View) -> None:
    x, y = batch()
    view.slope = Spot("log", "script.py", 3, count=2, examples=(1, 4))
    found = origin(F.mse_loss(model(x), y) * torch.nan, view, step=1)
    assert (found.what, found.where, found.count, found.examples) == ("activation", "log", 2, (1, 4))
    assert (found.file, found.line) == ("script.py", 3)


def test_an_input_is_found_with_its_examples(model: nn.Sequential, view: View) -> None:
    x, y = batch()
    x[4, 0], x[1, 2] = torch.nan, torch.inf
    found = origin(F.mse_loss(model(x), y), view, step=0)
    assert (found.what, found.count, found.examples) == ("input", 2, (1, 4))


def test_a_target_is_found_with_its_examples(model: nn.Sequential, view: View) -> None:
    x, y = batch()
    y[3] = torch.nan
    found = origin(F.mse_loss(model(x), y), view, step=0)
    assert (found.what, found.where, found.examples) == ("target", "MseLoss", (3,))


def test_the_deepest_activation_is_found(model: nn.Sequential, view: View) -> None:
    x, y = batch()
    output = model(x)
    output = output.exp() * torch.where(torch.arange(6) == 2, torch.inf, 1.0)[:, None]
    found = origin((output.tanh() - y).square().mean() * torch.nan, view, step=0)
    assert found.what in ("activation", "input")
    assert found.count > 0


def test_a_loss_that_nothing_explains_is_itself(model: nn.Sequential, view: View) -> None:
    x, y = batch()
    found = origin(F.mse_loss(model(x), y) + float("nan"), view, step=0)
    assert (found.what, found.where, found.count) == ("loss", "", 1)


def test_masks_hold_infinity_on_purpose(model: nn.Sequential, view: View) -> None:
    x, _ = batch()
    mask = torch.tensor([[0.0, -torch.inf]])
    attended = F.scaled_dot_product_attention(model(x)[None], model(x)[None, :2], model(x)[None, :2], attn_mask=mask)
    assert origin(attended.mean() + float("nan"), view, step=0).what == "loss"


def test_a_graph_that_was_freed_is_no_error(model: nn.Sequential, view: View) -> None:
    x, y = batch()
    loss = F.mse_loss(model(x), y)
    loss.backward()
    assert origin(loss, view, step=0).what == "loss"


@pytest.mark.parametrize("ignored", [-100, 255])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("axes", [(), (5,)], ids=["examples", "positions"])
def test_a_mean_over_targets_that_are_all_ignored_is_found(
    model: nn.Sequential, view: View, axes: tuple[int, ...], smoothing: float, ignored: int
) -> None:
    output = model(torch.randn(6, *axes, 3)).movedim(-1, 1)
    targets = torch.full((6, *axes), ignored)
    loss = F.cross_entropy(output, targets, ignore_index=ignored, label_smoothing=smoothing)
    found = origin(loss + model[0].weight.sum(), view, step=3)
    assert (found.step, found.what, found.ignored) == (3, "loss", ignored)


def test_targets_explain_nothing_where_one_counts_or_the_outputs_are_lost(model: nn.Sequential, view: View) -> None:
    targets = torch.full((6,), -100)
    lost = F.cross_entropy(model(torch.randn(6, 3)) * torch.nan, targets)
    summed = F.cross_entropy(model(torch.randn(6, 3)), targets, reduction="sum") + torch.nan
    counted = F.cross_entropy(model(torch.randn(6, 3)), targets.index_fill(0, torch.tensor([2]), 1)) + torch.nan
    assert [origin(loss, view, step=0).ignored for loss in (lost, summed, counted)] == [None, None, None]
