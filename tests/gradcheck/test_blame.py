"""Forty wrong gradients, each found and located; the functions beside them that are right are not blamed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from unstuck.errors import ArgumentError
from unstuck.gradcheck import check_gradients


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unary(name: str, forward: Callable[[Tensor], Tensor], slope: Callable[[Tensor, Tensor], Tensor]) -> type[Function]:
    """A function of one tensor whose backward pass is ``slope(gradient, x)``."""

    class Unary(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return slope(gradient, x)

    Unary.__name__ = name
    return Unary


def one_coordinate(gradient: Tensor, x: Tensor) -> Tensor:
    right = gradient * (1 - torch.tanh(x) ** 2)
    factor = torch.ones_like(x)
    factor.view(-1)[5] += 1e-3
    return right * factor


def shifted(gradient: Tensor, x: Tensor) -> Tensor:
    return torch.cat([(gradient * 2 * x)[:, 1:], (gradient * 2 * x)[:, :1]], dim=1)


def in_place(gradient: Tensor, x: Tensor) -> Tensor:
    x.mul_(2)  # edits what was saved
    return gradient * 2 * x


def forgotten_last_row(gradient: Tensor, x: Tensor) -> Tensor:
    right = gradient * 2 * x
    right[-1] = 0
    return right


UNARY: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "sign": (lambda x: x**2, lambda g, x: -2 * x * g),
    "factor two": (lambda x: x**2, lambda g, x: x * g),
    "factor ten": (torch.sin, lambda g, x: 10 * torch.cos(x) * g),
    "small factor": (torch.sin, lambda g, x: 1.002 * torch.cos(x) * g),
    "ones": (torch.sin, lambda g, x: g),
    "zeros": (torch.sin, lambda g, x: torch.zeros_like(g)),
    "derivative of another": (torch.sin, lambda g, x: torch.sin(x) * g),
    "forgotten chain rule": (torch.tanh, lambda g, x: 1 - torch.tanh(x) ** 2),
    "mask reversed": (torch.relu, lambda g, x: g * (x < 0)),
    "mask missing": (torch.relu, lambda g, x: g),
    "mask of another level": (torch.relu, lambda g, x: g * (x > 0.3)),
    "mask of the gradient": (torch.relu, lambda g, x: g * (g > 0)),
    "leak forgotten": (lambda x: functional.leaky_relu(x, 0.1), lambda g, x: g * (x > 0)),
    "leak of another slope": (lambda x: functional.leaky_relu(x, 0.1), lambda g, x: torch.where(x > 0, g, 0.01 * g)),
    "clamp without its mask": (lambda x: x.clamp(-0.5, 0.5), lambda g, x: g),
    "sigmoid of the output": (torch.sigmoid, lambda g, x: g * torch.sigmoid(torch.sigmoid(x))),
    "sigmoid without its complement": (torch.sigmoid, lambda g, x: g * torch.sigmoid(x)),
    "softplus as ReLU": (functional.softplus, lambda g, x: g * (x > 0)),
    "swish without a term": (functional.silu, lambda g, x: g * torch.sigmoid(x)),
    "error of 1e-3 in one coordinate": (torch.tanh, one_coordinate),
    "off by one": (lambda x: x**2, shifted),
    "in place": (lambda x: x**2, in_place),
    "last row forgotten": (lambda x: x**2, forgotten_last_row),
    "clipped": (lambda x: 10 * torch.sin(x), lambda g, x: (10 * torch.cos(x) * g).clamp(-0.5, 0.5)),
    "rounded": (torch.tanh, lambda g, x: (g * (1 - torch.tanh(x) ** 2) * 100).round() / 100),
    "transposed": (lambda x: x**2, lambda g, x: (g * 2 * x).t().contiguous() if g.shape[0] == g.shape[1] else -g),
    "mean without its size": (lambda x: (x**2).mean(0, keepdim=True), lambda g, x: g * 2 * x),
    "sum divided by N": (lambda x: (x**2).sum(0, keepdim=True), lambda g, x: g * 2 * x / len(x)),
    "softmax without its sum": (lambda x: x.softmax(1), lambda g, x: g * x.softmax(1)),
    "log-softmax with another axis": (
        lambda x: x.log_softmax(1),
        lambda g, x: g - x.softmax(0) * g.sum(0, keepdim=True),
    ),
    "normalisation with constant statistics": (
        lambda x: (x - x.mean(0)) / (x.std(0) + 0.1),
        lambda g, x: g / (x.std(0) + 0.1),
    ),
    "cumulative sum not turned round": (lambda x: x.cumsum(1), lambda g, x: g.cumsum(1)),
    "maximum to all": (lambda x: x.amax(1, keepdim=True).expand_as(x).clone(), lambda g, x: g),
}


class Around(nn.Module):
    """A function between two layers, and a right function before it."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.before, self.after = nn.Linear(4, 4), nn.Linear(4, 3)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.function(RIGHT.apply(self.before(x))))


RIGHT = unary("Right", torch.sin, lambda g, x: torch.cos(x) * g)
BATCH = (drawn(4, 4), torch.tensor([0, 2, 1, 1]))


@pytest.mark.parametrize("name", UNARY)
def test_wrong_functions_are_found_and_named_with_their_line(name: str) -> None:
    wrong = unary("Wrong", *UNARY[name])
    batch = BATCH if "mean" not in name and "sum divided" not in name else (BATCH[0], BATCH[1][:1])
    check = check_gradients(Around(wrong.apply), functional.cross_entropy, batch, coordinates="all", examples=4)
    assert check.verdict == "wrong", str(check)
    assert not check.ok
    (culprit,) = check.culprits
    assert culprit.function.name == "Wrong"
    assert culprit.function.file == __file__
    assert culprit.function.line == inspect.getsourcelines(wrong.backward)[1]
    assert "Wrong.backward" in check.reason
    blamed = {tensor.name for tensor in check.tensors if tensor.verdict == "wrong"}
    assert blamed <= {"before.weight", "before.bias", "input"}
    assert "before.weight" in blamed
    assert all(tensor.wrong for tensor in check.tensors if tensor.verdict == "wrong")
    assert f"{check.worst} of before (Linear) at [" in check.reason or check.reason.startswith("input at [")


class TransposedLinear(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.t()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        return gradient @ weight, x.t() @ gradient  # the second is transposed


class StaleMask(Function):
    mask: Tensor | None = None

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        if StaleMask.mask is None or StaleMask.mask.shape != x.shape:
            StaleMask.mask = x > 0
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        assert StaleMask.mask is not None
        return gradient * StaleMask.mask


class Stale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return StaleMask.apply(self.linear(x))


class Own(nn.Module):
    """A model whose forward pass is given."""

    def __init__(self, forward: Callable[[nn.ModuleDict, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.parts = nn.ModuleDict({"one": nn.Linear(4, 4), "two": nn.Linear(4, 4)})
        self.run = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self.parts, x)


def hooked(parts: nn.ModuleDict, x: Tensor) -> Tensor:
    hidden = torch.tanh(parts["one"](x))
    if hidden.requires_grad:
        hidden.register_hook(lambda g: 0.5 * g)
    return parts["two"](hidden)


def rebuilt(parts: nn.ModuleDict, x: Tensor) -> Tensor:
    hidden = parts["one"](x)
    return parts["two"](torch.tanh(hidden)) + hidden.detach() ** 2


BY_HAND: dict[str, tuple[Callable[[nn.ModuleDict, Tensor], Tensor], str]] = {
    "detached branch": (lambda p, x: p["two"](torch.tanh(p["one"](x)).detach()), "parts.one.weight"),
    "partly detached branch": (rebuilt, "parts.one"),
    "data": (lambda p, x: p["two"](x) + torch.tanh(p["one"](x).data), "parts.one.weight"),
    "no_grad": (lambda p, x: p["two"](x) * torch.no_grad()(lambda: p["one"](x).exp())(), "parts.one.weight"),
    "gradient hook": (hooked, "parts.one"),
    "detached weight": (lambda p, x: p["two"](torch.sin(x @ p["one"].weight.detach().t())), "parts.one.weight"),
    "detached scale": (
        lambda p, x: p["two"](p["one"](x) / p["one"](x).norm(dim=1, keepdim=True).detach()),
        "parts.one",
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_faults_without_a_function_are_found_by_parameter_and_module(name: str) -> None:
    forward, place = BY_HAND[name]
    check = check_gradients(Own(forward), functional.cross_entropy, BATCH, coordinates="all")
    assert check.verdict == "wrong", str(check)
    blamed = [tensor for tensor in check.tensors if tensor.verdict == "wrong"]
    assert any(tensor.name.startswith(place) for tensor in blamed)
    assert not any(tensor.name.startswith("parts.two") for tensor in blamed)
    assert check.culprits == ()
    assert all(tensor.wrong for tensor in blamed)
    assert check.advice


def test_a_transposed_gradient_of_a_square_weight() -> None:
    weight = drawn(4, 4, seed=7)
    check = check_gradients(TransposedLinear.apply, (drawn(3, 4), weight), coordinates="all")
    assert check.verdict == "wrong"
    assert check.worst == "input[1]"
    assert check.culprits[0].function.line == inspect.getsourcelines(TransposedLinear.backward)[1]
    assert [tensor.verdict for tensor in check.tensors] == ["right", "wrong"]


def test_a_stale_buffer_is_found_although_every_evaluation_is_the_same() -> None:
    StaleMask.mask = None
    check = check_gradients(Stale(), functional.mse_loss, (drawn(6, 4), drawn(6, 4, seed=1)), examples=6)
    assert check.verdict == "wrong", str(check)
    assert check.culprits[0].function.name == "StaleMask"


def test_one_wrong_coordinate_is_named() -> None:
    wrong = unary("Wrong", *UNARY["error of 1e-3 in one coordinate"])
    check = check_gradients(wrong.apply, drawn(4, 4), coordinates="all")
    assert check.tensors[0].wrong == ((1, 1),)
    assert check.max_relative_error == pytest.approx(1e-3, rel=0.01)


@pytest.mark.parametrize(
    ("factor", "words"), [(-1.0, "wrong sign"), (0.5, "0.5 times"), (2.0, "2 times"), (0.0, "no gradient comes back")]
)
def test_the_shape_of_the_error_is_told(factor: float, words: str) -> None:
    def scaled(parts: nn.ModuleDict, x: Tensor) -> Tensor:
        hidden = torch.tanh(parts["one"](x))
        return parts["two"](factor * hidden + (1 - factor) * hidden.detach())

    check = check_gradients(Own(scaled), functional.cross_entropy, BATCH)
    assert words in check.advice


def twice_rounded(parts: nn.ModuleDict, x: Tensor) -> Tensor:
    hidden = parts["one"](x)
    return parts["two"](hidden + (hidden.round() - hidden).detach())


def test_a_name_is_one_before_it_is_a_pattern() -> None:
    inputs = (drawn(3), drawn(3, seed=1))
    check = check_gradients(lambda a, b: a.sin() * b, inputs, exclude=["input[1]"])
    assert [tensor.name for tensor in check.tensors] == ["input[0]"]
    both = check_gradients(lambda a, b: a.sin() * b, (*inputs,), exclude=["*[[]1]"])
    assert [tensor.name for tensor in both.tensors] == ["input[0]"]


def test_what_is_not_moved_anyway_may_be_left_out() -> None:
    p = torch.rand(4, 3).requires_grad_()
    check = check_gradients(nn.BCELoss(), (p, torch.ones(4, 3)), exclude=["input[1]"])
    assert (check.verdict, [tensor.name for tensor in check.tensors]) == ("right", ["input[0]"])


LIMIT = 0.05


@pytest.mark.parametrize(("size", "verdict"), [(1e-3, "right"), (50.0, "wrong")])
def test_a_backward_pass_that_depends_on_the_gradient_is_checked_with_that_of_the_model(
    size: float, verdict: str
) -> None:
    """Clipped at what a check by itself would never reach, or always."""
    clipped = unary("Clipped", torch.sin, lambda g, x: g.clamp(-LIMIT * 40, LIMIT * 40) * torch.cos(x))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(3)
            self.before = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return size * RIGHT.apply(clipped.apply(self.before(x)))

    check = check_gradients(Model(), lambda o, t: o.sum(), BATCH, coordinates="all")
    assert check.verdict == verdict, str(check)
    assert [c.function.name for c in check.culprits] == ["Clipped"] * (verdict == "wrong")


def test_a_function_that_is_wrong_for_large_gradients_alone_is_not_blamed_for_anothers_fault() -> None:
    clipped = unary("Clipped", torch.sin, lambda g, x: g.clamp(-0.1, 0.1) * torch.cos(x))
    wrong = unary("Wrong", torch.sin, lambda g, x: g)

    class Model(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return 1e-3 * wrong.apply(clipped.apply(super().forward(x)))

    check = check_gradients(Model(4, 4), lambda o, t: o.sum(), BATCH, coordinates="all")
    assert check.verdict == "wrong"
    assert [c.function.name for c in check.culprits] == ["Wrong"]


@pytest.mark.parametrize(
    ("exclude", "word"),
    [("input", "a list of names"), (["none"], "no tensor is called so"), (["*"], "nothing is left")],
)
def test_what_cannot_be_left_out_is_refused(exclude: Any, word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        check_gradients(Own(twice_rounded), functional.cross_entropy, BATCH, exclude=exclude)


def test_right_functions_are_not_blamed() -> None:
    check = check_gradients(Around(RIGHT.apply), functional.cross_entropy, BATCH, coordinates="all")
    assert check.verdict == "right"
    assert check.culprits == ()
