from __future__ import annotations

import torch
from torch import nn

from unstuck.second_order import GaussNewton, Hessian


def test_products_are_those_of_the_jacobian_and_the_loss() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x, y = torch.randn(5, 3).double(), torch.randint(0, 2, (5,))
    weights = list(model.parameters())
    outputs = model(x)
    jacobian = torch.stack(
        [
            torch.cat([g.reshape(-1) for g in torch.autograd.grad(entry, weights, retain_graph=True)])
            for entry in outputs.reshape(-1)
        ]
    )
    of_loss = torch.autograd.functional.hessian(
        lambda z: nn.functional.cross_entropy(z.reshape(5, 2), y), outputs.detach().reshape(-1)
    )
    products = GaussNewton(nn.functional.cross_entropy(outputs, y), outputs, weights)
    vector = torch.randn(jacobian.shape[1]).double()
    torch.testing.assert_close(products(vector), jacobian.T @ (of_loss @ (jacobian @ vector)))


def test_of_a_linear_model_it_is_the_hessian() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3).double()
    outputs = model(torch.randn(7, 4).double())
    loss, weights = nn.functional.cross_entropy(outputs, torch.randint(0, 3, (7,))), list(model.parameters())
    vector = torch.randn(15).double()
    torch.testing.assert_close(GaussNewton(loss, outputs, weights)(vector), Hessian(loss, weights)(vector))


def test_a_loss_that_is_linear_in_the_outputs_has_none() -> None:
    w = torch.ones(2, requires_grad=True)
    outputs = w**2
    assert GaussNewton(outputs.sum(), outputs, [w])(torch.ones(2)).tolist() == [0.0, 0.0]
