import pytest
import torch
from torch import nn
from torch.nn import functional

from unstuck.gradcheck.problem import build
from unstuck.gradcheck.tolerance import tolerance_of


@pytest.mark.parametrize(("layers", "error"), [(1, 1e-4), (10, 1e-4), (20, 2e-4), (2000, 1e-2)])
def test_more_layers_may_err_more(layers: int, error: float) -> None:
    model = nn.Sequential(*[nn.Linear(1, 1) for _ in range(layers)])
    problem = build(
        model, functional.mse_loss, torch.ones(1, 1), torch.ones(1, 1), dtype=torch.float64, with_inputs=False
    )
    found = tolerance_of(problem, narrow=False)
    assert found.error == pytest.approx(error)
    assert found.remark == 1e-5
    assert tolerance_of(problem, narrow=True).error == 0.05
    assert tolerance_of(problem, narrow=True).remark is None
