import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from unstuck.data import Batches, load
from unstuck.errors import ArgumentError
from unstuck.optim import SGD
from unstuck.preflight import Subject, run_checks
from unstuck.train import Penalty, fit


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 1))


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 10, generator=generator), torch.randn(8, 1, generator=generator)


def test_its_gradient_is_that_of_its_value() -> None:
    model, (x, y) = network(), batch()
    by_torch = copy.deepcopy(model)
    penalty = Penalty(l1=0.3, l2=0.2)
    (functional.mse_loss(by_torch(x), y) + penalty(by_torch)).backward()
    optimizer = SGD(model.parameters(), lr=0.0)
    penalty.attach(model, optimizer)
    functional.mse_loss(model(x), y).backward()
    optimizer.step()
    for ours, theirs in zip(model.parameters(), by_torch.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_with_plain_descent_l2_is_weight_decay_of_the_weights() -> None:
    model, (x, y) = network(), batch()
    twin = copy.deepcopy(model)
    groups = [
        {"params": [p for p in twin.parameters() if p.ndim >= 2], "weight_decay": 0.05},
        {"params": [p for p in twin.parameters() if p.ndim < 2]},
    ]
    decayed, penalised = torch.optim.SGD(groups, lr=0.1), SGD(model.parameters(), lr=0.1)
    handle = Penalty(l2=0.05).attach(model, penalised)
    for _ in range(5):
        for each, optimizer in ((model, penalised), (twin, decayed)):
            optimizer.zero_grad()
            functional.mse_loss(each(x), y).backward()
            optimizer.step()
    torch.testing.assert_close(list(model.parameters()), list(twin.parameters()))

    handle.remove()
    penalised.zero_grad()
    functional.mse_loss(model(x), y).backward()
    before = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    penalised.step()
    assert all(torch.equal(a, p.grad) for a, p in zip(before, model.parameters(), strict=True) if p.grad is not None)


def test_what_is_frozen_is_left_where_it_is() -> None:
    model, (x, y) = network(), batch()
    before = model[0].weight.requires_grad_(False).clone()
    optimizer = SGD(model.parameters(), lr=0.1)
    Penalty(l1=0.5, l2=0.5).attach(model, optimizer)
    functional.mse_loss(model(x), y).backward()
    optimizer.step()
    assert torch.equal(model[0].weight, before)


def test_the_gradient_check_of_a_training_passes_it() -> None:
    model, (x, y) = network(), batch()
    model = nn.Sequential(model[0], model[2], model[3])
    subject = Subject.of(model, functional.mse_loss, (x, y), regularisation=Penalty(l1=0.01, l2=2.0))
    found = {check.name: check for check in run_checks(subject).checks}
    assert found["gradients"].status == "passed", found["gradients"].reason


def test_l1_draws_weights_to_zero_where_l2_makes_them_small() -> None:
    data = load("diabetes")
    small: dict[str, int] = {}
    for name, penalty in (("l1", Penalty(l1=0.2)), ("l2", Penalty(l2=0.2))):
        torch.manual_seed(0)
        model = nn.Linear(10, 1)
        fitted = fit(
            model,
            functional.mse_loss,
            Batches(data.train, "all"),
            SGD(model.parameters(), lr=0.01),
            epochs=500,
            penalty=penalty,
        )
        small[name] = int((model.weight.abs() < 0.005).sum())
        # The loss is the data's alone; what the weights cost stands beside it.
        alone = functional.mse_loss(model(data.train.inputs), data.train.targets)
        assert fitted.epochs[-1].train.loss == pytest.approx(alone.item(), rel=1e-2)
        assert fitted.epochs[-1].penalty == pytest.approx(float(penalty(model).detach()))
    assert small["l1"] >= 4
    assert small["l2"] <= 2


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_impossible_weights_of_it_are_refused(value: float) -> None:
    with pytest.raises(ArgumentError, match=r"l2=.*a number from 0 is accepted"):
        Penalty(l2=value)
