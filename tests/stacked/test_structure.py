"""What models of one stack have in common."""

import pytest
import torch
from torch import nn

from unstuck.stacked import CannotStackError
from unstuck.stacked.structure import dropouts, require_one_structure


class Scaled(nn.Module):
    """A module with attributes that no module registers."""

    def __init__(self, factor: float, fixed: torch.Tensor) -> None:
        super().__init__()
        self.factor, self.fixed = factor, {"matrix": [fixed]}
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, inputs):
        return inputs * self.factor * self.weight


def test_values_of_tensors_and_dropout_rates_may_differ():
    require_one_structure([nn.Sequential(nn.Linear(2, 2), nn.Dropout(rate), nn.LSTM(2, 2)) for rate in (0.0, 0.5)])
    assert len(dropouts(nn.Sequential(nn.Dropout2d(), nn.Sequential(nn.Dropout())))) == 2


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (nn.Linear(2, 3), nn.Linear(2, 4), "out_features of the model: 3 and 4"),
        (nn.Sequential(nn.ReLU()), nn.Sequential(nn.Tanh()), "'0': ReLU and Tanh"),
        (nn.Sequential(nn.ReLU()), nn.Sequential(nn.ReLU(), nn.ReLU()), "only one of them has a module '1'"),
        (nn.BatchNorm1d(2, eps=1e-5), nn.BatchNorm1d(2, eps=1e-3), "eps of the model: 1e-05 and 0.001"),
        (nn.Linear(2, 3), nn.Linear(2, 3).double(), "shape, type, device or freezing"),
        (nn.Linear(2, 3), nn.Linear(2, 3).requires_grad_(False), "shape, type, device or freezing"),
        (Scaled(1.0, torch.ones(2)), Scaled(2.0, torch.ones(2)), "factor of the model: 1.0 and 2.0"),
        (Scaled(1.0, torch.ones(2)), Scaled(1.0, torch.zeros(2)), "fixed of the model"),
    ],
)
def test_whatever_else_differs_is_named(a, b, said):
    with pytest.raises(CannotStackError, match="members 0 and 1 differ") as caught:
        require_one_structure([a, b])
    assert said in str(caught.value)


def test_equal_attributes_that_are_no_numbers_are_looked_into():
    require_one_structure([Scaled(1.0, torch.ones(2)), Scaled(1.0, torch.ones(2))])


def test_shared_parameters_must_be_shared_alike():
    tied, untied = (nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)) for _ in range(2))
    tied[1].weight = tied[0].weight
    with pytest.raises(CannotStackError, match="share a parameter"):
        require_one_structure([tied, untied])


def test_hooks_lazy_modules_and_complex_numbers_are_refused():
    hooked = nn.Linear(2, 2)
    hooked.register_forward_hook(lambda module, args, output: None)
    with pytest.raises(CannotStackError, match="has hooks"):
        require_one_structure([hooked])
    with pytest.raises(CannotStackError, match="lazy"):
        require_one_structure([nn.LazyLinear(2)])
    with pytest.raises(CannotStackError, match="complex"):
        require_one_structure([nn.Linear(2, 2, dtype=torch.complex64)])
