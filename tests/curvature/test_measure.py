"""Everything against torch.func.hessian in double precision, and the points whose kind is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, hessian
from torch.nn.attention import SDPBackend, sdpa_kernel

import unstuck
from unstuck.curvature import measure, measure_function
from unstuck.errors import ArgumentError, DataError

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(4, 12), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return self.out(nn.functional.scaled_dot_product_attention(q, k, v).mean(dim=1))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(6, 4), nn.Linear(4, 6, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(torch.tanh(self.embed(ids)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.lstm(x)[0][:, -1])


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))


def between(norm: nn.Module, activation: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(5, 8), norm, activation, nn.Linear(8, 2))


def batch_norm() -> nn.Module:
    return nn.BatchNorm1d(8, track_running_stats=False)


def convolution() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 2))


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor], int]] = {
    "perceptron": (perceptron, lambda: torch.randn(20, 5), 3),
    "LayerNorm": (lambda: between(nn.LayerNorm(8), nn.GELU()), lambda: torch.randn(12, 5), 2),
    "BatchNorm": (
        lambda: between(batch_norm(), nn.Tanh()),
        lambda: torch.randn(12, 5),
        2,
    ),
    "convolution": (convolution, lambda: torch.randn(8, 1, 6, 6), 2),
    "attention": (Attention, lambda: torch.randn(6, 5, 4), 2),
    "tied": (Tied, lambda: torch.randint(0, 6, (16,)), 6),
    "LSTM": (Recurrent, lambda: torch.randn(6, 5, 3), 2),
}


def oracle(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The whole Hessian, entry by entry, in double precision."""
    model = model.double().train()
    x = x.double() if x.is_floating_point() else x
    names, parts = zip(*model.named_parameters(), strict=True)
    sizes = [p.numel() for p in parts]

    def value(row: Tensor) -> Tensor:
        state = {n: r.reshape(p.shape) for n, p, r in zip(names, parts, row.split(sizes), strict=True)}
        return nn.functional.cross_entropy(functional_call(model, state, (x,)), y)

    point = torch.cat([p.detach().reshape(-1) for p in parts])
    with sdpa_kernel(SDPBackend.MATH):
        matrix = hessian(value)(point)
    if any(isinstance(module, nn.LayerNorm | nn.BatchNorm1d) for module in model.modules()):
        # That of torch.func is not even symmetric here (torch 2.13); differences of gradients are right to 1e-9.
        assert not torch.allclose(matrix, matrix.T)
        gradient = torch.func.grad(value)
        steps = 1e-5 * torch.eye(len(point)).double()
        matrix = torch.stack([(gradient(point + step) - gradient(point - step)) / 2e-5 for step in steps])
    return matrix


@pytest.mark.parametrize("name", MODELS)
def test_the_spectrum_is_that_of_the_whole_hessian(name: str) -> None:
    make, inputs, classes = MODELS[name]
    torch.manual_seed(0)
    model, x = make(), inputs()
    y = torch.randint(0, classes, (len(x),))
    before = [p.detach().clone() for p in model.parameters()]
    found = measure(model, nn.functional.cross_entropy, (x, y), top=4, grouping="none", probes=100, runs=8)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    matrix = oracle(model, x, y)
    values = torch.linalg.eigvalsh(matrix)
    assert len(values) == found.parameters <= 500
    for pairs, exact in ((found.largest, values.flip(0)), (found.smallest, values)):
        for pair, value in zip(pairs, exact.tolist(), strict=False):
            assert pair.value == pytest.approx(value, rel=1e-6, abs=1e-6 * float(values[-1]))
            assert pair.residual < 1e-3 * float(values[-1])
    assert abs(found.trace.value - float(matrix.trace())) <= 4.0 * found.trace.error + 1e-7
    middle = 0.1 * float(values[-1])
    assert found.density.share(middle) == pytest.approx(float((values > middle).double().mean()), abs=0.12)


def test_blocks_are_those_on_the_diagonal() -> None:
    torch.manual_seed(0)
    model, x, y = perceptron(), torch.randn(20, 5), torch.randint(0, 3, (20,))
    found = measure(model, nn.functional.cross_entropy, (x, y), grouping="parameter", probes=2, runs=1)
    matrix, first = oracle(model, x, y), 0
    for block, parameter in zip(found.blocks, model.parameters(), strict=True):
        last = first + parameter.numel()
        values = torch.linalg.eigvalsh(matrix[first:last, first:last])
        assert block.largest.value == pytest.approx(float(values[-1]), rel=1e-5)
        assert block.smallest.value == pytest.approx(float(values[0]), abs=1e-3 * float(values[-1]))
        first = last
    by_layer = measure(model, nn.functional.cross_entropy, (x, y), probes=2, runs=1).blocks
    assert [(block.name, block.parameters) for block in by_layer] == [("0", 96), ("2", 272), ("4", 51)]


def test_batches_are_averaged_by_their_size_and_dropout_is_off() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 2))
    x, y = torch.randn(20, 4), torch.randint(0, 2, (20,))
    apart = [(x[:8], y[:8]), (x[8:16], y[8:16]), (x[16:], y[16:])]
    several = measure(model, nn.functional.cross_entropy, apart, grouping="none", probes=2, runs=1)
    whole = measure(model, nn.functional.cross_entropy, (x, y), grouping="none", probes=2, runs=1)
    assert several.point.loss == pytest.approx(whole.point.loss, rel=1e-12)
    assert several.largest[0].value == pytest.approx(whole.largest[0].value, rel=1e-9)
    assert several.batches == 3
    assert model.training


def test_graphs_that_do_not_fit_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model, x, y = perceptron(), torch.randn(20, 5), torch.randint(0, 3, (20,))
    held = measure(model, nn.functional.cross_entropy, (x, y), probes=2, runs=1)
    monkeypatch.setattr("unstuck.curvature.landscape.HELD_BYTES", 0)
    anew = measure(model, nn.functional.cross_entropy, (x, y), probes=2, runs=1)
    assert anew.largest[0].value == pytest.approx(held.largest[0].value, rel=1e-12)


def test_rosenbrock_has_its_minimum_at_one() -> None:
    rosenbrock = lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2
    found = measure_function(rosenbrock, [torch.tensor(1.0), torch.tensor(1.0)], rate=0.1)
    assert found.kind == "local minimum"
    assert found.largest[0].value == pytest.approx(1001.6006, abs=1e-4)
    assert found.smallest[0].value == pytest.approx(0.399361, abs=1e-6)
    assert "times the largest stable one" in found.rate.warning
    assert measure_function(rosenbrock, [torch.tensor(-1.2), torch.tensor(1.0)]).kind == "no critical point"


def test_the_saddle_of_a_product_is_left_along_the_diagonal() -> None:
    found = measure_function(lambda w: (1 - w[0] * w[1]) ** 2, [torch.zeros(2)])
    assert found.kind == "saddle point"
    assert [pair.value for pair in (*found.largest, *found.smallest)] == pytest.approx([2.0, -2.0, -2.0, 2.0])
    assert found.escape.fall > 0.7
    assert np.abs(found.escape.direction) == pytest.approx([0.5**0.5] * 2)
    assert found.escape.direction[0] * found.escape.direction[1] > 0


@pytest.mark.parametrize(
    ("function", "at", "kind"),
    [
        (lambda w: -(w**2).sum(), 0.0, "local maximum"),
        (lambda w: torch.relu(w - 1.0).sum(), 0.0, "plateau"),
        (lambda w: w[0] ** 2 + 0.0 * w[1], 0.0, "flat"),
        (lambda w: w[0] ** 2 + w[1] ** 3, 0.0, "flat"),
        (lambda w: w.sum(), 1.0, "no critical point"),
        (lambda w: (w**2).sum(), 1.0, "no critical point"),
    ],
)
def test_each_kind_of_point(function: Callable[[Tensor], Tensor], at: float, kind: str) -> None:
    assert measure_function(function, [torch.full((2,), at)]).kind == kind


def test_ill_conditioned_regression_has_its_largest_stable_rate() -> None:
    x = torch.tensor([338.0, 333, 328, 207, 226, 25, 179, 60, 208, 606]).double()[:, None]
    y = torch.tensor([640.0, 633, 619, 393, 428, 27, 193, 66, 226, 1591]).double()[:, None]
    model = nn.Linear(1, 1).double()
    with torch.no_grad():
        model.weight.fill_(-4.0)
        model.bias.fill_(-120.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    total: Any = lambda outputs, targets: ((outputs - targets) ** 2).sum()
    found = measure(model, total, (x, y), optimizer=optimizer)
    assert found.largest[0].value == pytest.approx(1746830.43, rel=1e-8)
    assert found.smallest[0].value == pytest.approx(5.573477, rel=1e-6)
    assert found.rate.largest == pytest.approx(1.14493e-6, rel=1e-5)
    assert found.kind == "no critical point"
    assert "8.73 times" in found.rate.warning


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return 2 * ctx.saved_tensors[0] * grad


class Squared(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Once.apply(x)


def squaring() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), Squared(), nn.Linear(4, 2))


def raising(outputs: Tensor, targets: Tensor) -> Tensor:
    raise KeyError("mine")


@pytest.mark.parametrize(
    ("model", "loss", "message"),
    [
        (squaring(), nn.functional.cross_entropy, r"1 \(Squared\) has no .* hand: Once"),
        (nn.Linear(3, 2), lambda o, t: Once.apply(o).mean(), r"Once.backward .* or a wrong one"),
        (nn.Linear(3, 2), lambda o, t: (o * float("nan")).sum(), "loss: nan"),
        (nn.Linear(3, 2), raising, "mine"),
        (nn.Linear(3, 2), lambda o, t: o, "not a scalar"),
        (nn.Linear(4, 2), nn.functional.cross_entropy, "does not run on the inputs given"),
        (nn.Linear(3, 2).requires_grad_(False), nn.functional.cross_entropy, "no parameter requires a gradient"),
        ("model", nn.functional.cross_entropy, "a torch.nn.Module is accepted"),
    ],
)  # fmt: skip
def test_bad_input_is_one_message(model: Any, loss: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        measure(model, loss, (torch.randn(5, 3), torch.randint(0, 2, (5,))))


def test_bad_arguments_are_named() -> None:
    batch = torch.randn(5, 3), torch.randint(0, 2, (5,))
    for wrong, message in (({"top": 0}, "top=0"), ({"probes": 1}, "probes=1"), ({"grouping": "row"}, "blocks='row'")):
        with pytest.raises(ArgumentError, match=message):
            measure(nn.Linear(3, 2), nn.functional.cross_entropy, batch, **wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError):
        measure(nn.Linear(3, 2), nn.functional.cross_entropy, [])
    with pytest.raises(ArgumentError, match="log"):
        measure_function(lambda x: torch.log(-x), [torch.tensor(1.0)])


def test_it_is_found_under_the_package() -> None:
    assert unstuck.curvature.measure is measure
