from __future__ import annotations

import io
import json

import pytest
import torch
from rich.console import Console
from torch import nn

from unstuck.curvature import Curvature, CurvatureText, answer, measure, measure_function


def shown(found: Curvature) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(CurvatureText(found))
    return out.getvalue()


def test_a_saddle_is_answered_with_its_numbers() -> None:
    found = measure_function(lambda w: (1 - w[0] * w[1]) ** 2, [torch.zeros(2)], rate=0.1)
    first, slope, bottom, trial, _ = answer(found)
    assert first.startswith("A saddle point")
    assert slope == "gradient norm 0: next to nothing at a loss of 1"
    assert "smallest eigenvalue -2, residual" in bottom
    assert "0.707" in trial
    assert "the loss falls from 1 to 0.25 at a distance of 1" in trial
    text = shown(found)
    assert "largest stable rate   1 for SGD with momentum 0; in use: 0.1" in text
    assert "trace                 0" in text


def test_a_slope_is_answered_with_its_noise_and_blocks() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    optimizer_free = measure(nn.Linear(4, 1), nn.functional.mse_loss, (x, 3.0 * x[:, :1]))
    text = shown(optimizer_free)
    assert "No critical point" in text
    assert "times its noise over 16 batches" in text
    assert "for plain descent (2 / largest eigenvalue)" in text
    assert "block" in text
    adam = torch.optim.Adam([torch.ones(1, requires_grad=True)])
    with_adam = measure(nn.Linear(4, 1), nn.functional.mse_loss, (x, 3.0 * x[:, :1]), optimizer=adam)
    assert "it is no bound on Adam" in shown(with_adam)


@pytest.mark.parametrize("function", [lambda w: torch.relu(w - 1.0).sum(), lambda w: (w - 1.0).sum()])
def test_json_holds_everything_and_no_nan(function: object) -> None:
    found = measure_function(function, [torch.zeros(2)])  # type: ignore[arg-type]
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["kind"] == found.kind
    assert plain["rate"]["largest"] is None
    assert len(plain["escape"]["losses"]) == len(plain["escape"]["lengths"])
    assert "none: no curvature is positive" in shown(found)
