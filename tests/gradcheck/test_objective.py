import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.gradcheck import check_gradients
from unstuck.gradcheck.objective import OnSimplex, Projection, Weighted, called


def test_inputs_are_one_tensor_arguments_or_keywords() -> None:
    def minus(a: Tensor, b: Tensor | float = 1.0) -> Tensor:
        return a - b

    two = torch.tensor(2.0)
    assert [float(called(minus, given)) for given in (two, (two, two), {"b": two, "a": 3 * two})] == [1.0, 0.0, 4.0]


def test_a_projection_weighs_every_number_with_a_weight_of_its_own() -> None:
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    (weights,) = torch.autograd.grad(Projection()({"out": x, "rest": torch.tensor(3)}), x)
    assert len(weights.unique()) == 12
    assert 0.5 <= float(weights.min()) < float(weights.max()) <= 1.5


def test_the_gradient_that_came_back_is_that_of_the_weighted_sum() -> None:
    x = torch.randn(3, dtype=torch.complex128, requires_grad=True)
    incoming = torch.randn(3, dtype=torch.complex128)
    (back,) = torch.autograd.grad(Weighted((None, incoming))((2 * x, x)), x)
    assert torch.allclose(back, incoming)


def test_log_probabilities_that_sum_to_one_are_left_as_they_are() -> None:
    loss = OnSimplex(lambda x, factor: factor * x.sum())
    inside = torch.randn(4, 3).log_softmax(1)
    assert torch.allclose(loss(inside, 2.0), 2.0 * inside.sum())
    assert torch.allclose(loss(inside + 5.0, 2.0), 2.0 * inside.sum(), rtol=1e-4)


def test_ctc_is_right_where_its_gradient_is_meant() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(12, 2, 5, generator=generator).log_softmax(2)
    rest = torch.randint(1, 5, (2, 4), generator=generator), torch.tensor([12, 10]), torch.tensor([4, 3])
    for loss in (nn.CTCLoss(), functional.ctc_loss):
        check = check_gradients(loss, (inputs, *rest))
        assert check.verdict == "right", str(check)
