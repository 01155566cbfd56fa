"""Copies keep their values, whatever their type."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from unstuck.gradcheck import check_gradients
from unstuck.gradcheck.copies import cast_tree, copied, first_examples


class Waves(nn.Module):
    """Complex weights, and a cast to complex64 written by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 4, dtype=torch.complex64, generator=torch.Generator().manual_seed(0)))
        self.out = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out((x.to(torch.complex64) @ self.weight).abs())


class ForgottenConjugate(Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)  # type: ignore[attr-defined]
        return x * x

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return 2 * gradient * x


def test_a_copy_in_double_precision_keeps_complex_numbers_and_integers() -> None:
    model = Waves()
    model.register_buffer("count", torch.tensor(3))
    twin = copied(model, torch.float64, name="model")
    kinds = [tensor.dtype for tensor in (*twin.parameters(), *twin.buffers())]
    assert kinds == [torch.complex128, torch.float64, torch.float64, torch.int64]
    assert torch.equal(dict(twin.named_parameters())["weight"], model.weight.to(torch.complex128))
    assert model.weight.dtype == torch.complex64


def test_complex_parameters_are_checked_in_both_parts() -> None:
    batch = (torch.randn(3, 5, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 2, 1]))
    check = check_gradients(Waves(), functional.cross_entropy, batch, coordinates="all")
    assert check.verdict == "right", str(check)
    assert (check.tensors[0].name, check.tensors[0].shape) == ("weight", (5, 4, 2))
    assert check.tensors[0].checked == 40


@pytest.mark.parametrize(("function", "verdict"), [(torch.square, "right"), (ForgottenConjugate.apply, "wrong")])
def test_complex_inputs_are_checked(function: object, verdict: str) -> None:
    z = torch.randn(3, dtype=torch.complex64, generator=torch.Generator().manual_seed(2))
    check = check_gradients(function, z, coordinates="all")  # type: ignore[arg-type]
    assert (check.verdict, check.checked) == (verdict, 6)


def test_what_is_cast_and_cut() -> None:
    tree = {"x": torch.ones(6, 2), "n": torch.ones(6, dtype=torch.int64), "word": "as it is"}
    cast = cast_tree(tree, torch.float64)
    assert (cast["x"].dtype, cast["n"].dtype, cast["word"]) == (torch.float64, torch.int64, "as it is")
    assert len(first_examples(tree, 4)["x"]) == 4
    uneven = (torch.ones(6), torch.ones(5))
    assert len(first_examples(uneven, 4)[0]) == 6
