import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from unstuck.errors import ArgumentError
from unstuck.optim import SGD, HessianFree, LookAheadNesterov, Newton
from unstuck.train import Penalty, fit
from unstuck.train.step import step_of

X = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
Y = X @ torch.tensor([[1.0], [-2.0], [0.5]]) + 3.0


def test_gradients_are_cleared_before_and_the_loss_is_that_before_the_step() -> None:
    model = nn.Linear(3, 1)
    own = copy.deepcopy(model)
    step = step_of(model, mse_loss, SGD(model.parameters(), lr=0.1), None)
    plain = torch.optim.SGD(own.parameters(), lr=0.1)
    for _ in range(3):
        value, outputs = step(X, Y)
        plain.zero_grad()
        expected = mse_loss(own(X), Y)
        expected.backward()
        plain.step()
        assert torch.equal(value, expected)
        assert outputs.shape == Y.shape
    assert all(map(torch.allclose, model.parameters(), own.parameters()))


@pytest.mark.parametrize("method", [Newton, HessianFree])
def test_second_order_methods_get_the_loss_with_its_graph(method: type[Newton | HessianFree]) -> None:
    model = nn.Linear(3, 1)
    step = step_of(model, mse_loss, method(model.parameters(), damping=1e-4), None)
    first = float(step(X, Y)[0])
    values = [float(step(X, Y)[0]) for _ in range(8)]
    assert first > 1.0
    assert values[-1] < 1e-6


def test_a_penalty_is_part_of_what_they_minimise_and_not_of_what_is_told() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    fitted = fit(model, mse_loss, [(X, Y)], Newton(model.parameters()), epochs=8, penalty=Penalty(l2=2.0))
    weight, bias = (p.detach().clone().requires_grad_() for p in model.parameters())
    whole = mse_loss(nn.functional.linear(X, weight, bias), Y) + weight.square().sum()
    gradients = torch.autograd.grad(whole, (weight, bias))
    assert max(float(g.abs().max()) for g in gradients) < 1e-3
    with torch.no_grad():
        told, expected = fitted.epochs[-1].train.loss, float(mse_loss(model(X), Y))
        assert told == pytest.approx(expected, rel=1e-3)
        assert fitted.epochs[-1].penalty == pytest.approx(float(model.weight.square().sum()), rel=1e-3)


def test_nesterovs_gradients_are_taken_ahead() -> None:
    model = nn.Linear(3, 1)
    optimizer = LookAheadNesterov(model.parameters(), lr=0.05)
    step = step_of(model, mse_loss, optimizer, None)
    losses = [float(step(X, Y)[0].detach()) for _ in range(20)]
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize("method", [SGD, Newton])
def test_a_loss_of_many_numbers_is_refused(method: type[torch.optim.Optimizer]) -> None:
    model = nn.Linear(3, 1)
    each = lambda o, t: (o - t).square()[:, 0]
    with pytest.raises(ArgumentError, match=r"gave \(24,\) numbers for a batch; one is accepted"):
        step_of(model, each, method(model.parameters(), lr=0.1), None)(X, Y)


def test_batches_are_stepped_one_after_the_other() -> None:
    seen: list[Tensor] = []

    class Seen(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return super().forward(x)

    model = Seen(3, 1)
    fit(model, mse_loss, [(X[:8], Y[:8]), (X[8:], Y[8:])], SGD(model.parameters(), lr=0.01), epochs=2)
    assert [len(x) for x in seen] == [8, 16, 8, 16]
