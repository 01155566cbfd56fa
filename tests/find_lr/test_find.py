from pathlib import Path

import pytest
import torch
from torch import nn

import unstuck
from unstuck.errors import ArgumentError
from unstuck.find_lr import Effort, find_in_function, find_in_recipe
from unstuck.train import Recipe

FACTORY = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

def good():
    torch.manual_seed(0)
    x = torch.randn(512, 4)
    model = nn.Linear(4, 1)
    loader = DataLoader(TensorDataset(x, 3 * x[:, :1]), 32, shuffle=True)
    return model, nn.functional.mse_loss, loader, torch.optim.SGD(model.parameters(), lr=1e-5)

def bare():
    return good()[:3]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "find_lr_mine.py").write_text(FACTORY)


def test_a_linear_regression_of_white_inputs_gets_a_rate_below_its_threshold() -> None:
    found = find_in_function("find_lr_mine:good", effort=Effort(longest=24))
    assert found.rate is not None
    assert 0.02 < found.rate < 1.0  # the Hessian is twice the identity
    assert found.in_use == 1e-5


def test_an_effort_of_another_kind_is_refused() -> None:
    model = nn.Linear(1, 1)
    with pytest.raises(ArgumentError, match=r"effort=3: an unstuck.find_lr.Effort"):
        unstuck.find_learning_rate(model, nn.functional.mse_loss, [], torch.optim.SGD(model.parameters()), effort=3)  # type: ignore[arg-type]


def test_a_function_without_an_optimizer_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no optimizer"):
        find_in_function("find_lr_mine:bare")


def test_a_recipe_is_searched_and_its_penalty_counts() -> None:
    recipe = Recipe.of(
        {
            "data": {"name": "diabetes"},
            "model": {"name": "linear"},
            "optimizer": {"name": "sgd", "lr": 0.1},
            "train": {"l2": 1e-3, "batch_size": 32},
        }
    )
    found = find_in_recipe(recipe, effort=Effort(longest=24))
    assert found.rate is not None
    assert 0.01 < found.rate < 1.0


def test_a_model_that_learns_nothing_has_no_usable_rate() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = [(torch.randn(16, 4), torch.randn(16, 1)) for _ in range(8)]

    def deaf(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return targets.square().mean() + 0.0 * outputs.sum()

    found = unstuck.find_learning_rate(model, deaf, batches, optimizer)
    assert found.rate is None
    assert "no rate" in found.why_none


def test_a_loss_that_is_nan_from_the_start_is_refused() -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ArgumentError, match="nan before anything is trained"):
        unstuck.find_learning_rate(
            model, lambda o, t: o.sum() * float("nan"), (torch.ones(4, 4), torch.ones(4, 1)), optimizer
        )
