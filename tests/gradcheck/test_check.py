import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

import unstuck
from unstuck.errors import ArgumentError
from unstuck.gradcheck import check_gradients


def classifier() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, 3)
    )


def batch(examples: int = 5) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(examples, 1, 6, 6), torch.arange(examples) % 3


def test_every_tensor_is_sampled_biases_and_norms_too() -> None:
    check = unstuck.check_gradients(classifier(), functional.cross_entropy, batch(), coordinates=10)
    assert check.verdict == "right", str(check)
    assert check.ok
    names = [tensor.name for tensor in check.tensors]
    assert names == ["0.weight", "0.bias", "1.weight", "1.bias", "5.weight", "5.bias", "input"]
    assert [tensor.checked for tensor in check.tensors] == [10, 4, 4, 4, 10, 3, 10]
    assert check.checked == 45
    assert check.sweep is not None
    assert check.sweep.steps == tuple(10.0**-p for p in range(3, 10))
    best = min(check.sweep.errors)
    assert check.sweep.errors[0] > best < check.sweep.errors[-1]  # the V


def test_perturbations_are_batched_and_agree_with_single_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    model = classifier().eval()
    batched = check_gradients(model, functional.cross_entropy, batch(), coordinates="all")
    assert not any(tensor.looped for tensor in batched.tensors), str(batched)

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("no batching here")

    monkeypatch.setattr("unstuck.gradcheck.differences.vmap", refuse)
    single = check_gradients(model, functional.cross_entropy, batch(), coordinates="all")
    assert all(tensor.looped == "no batching here" for tensor in single.tensors)
    assert single.notes == batched.notes == ()
    assert single.verdict == batched.verdict == "right"
    assert [t.kinks for t in single.tensors] == [t.kinks for t in batched.tensors]


def snapshot(model: nn.Module, optimizer: torch.optim.Optimizer, data: tuple[Tensor, Tensor]) -> list[Any]:
    state = [p.detach().clone() for p in (*model.parameters(), *model.buffers(), *data)]
    state += [p.grad.clone() for p in model.parameters() if p.grad is not None]
    state += [v.clone() for s in optimizer.state.values() for v in s.values() if isinstance(v, Tensor)]
    state += [torch.get_rng_state(), torch.from_numpy(np.random.get_state()[1].astype(np.int64))]
    modes = [m.training for m in model.modules()] + [torch.get_default_dtype(), random.getstate()]
    modes += [torch.is_grad_enabled(), torch.backends.mha.get_fastpath_enabled()]
    return [state, modes]


def assert_same(before: list[Any], after: list[Any]) -> None:
    assert before[1] == after[1]
    assert len(before[0]) == len(after[0])
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True))


@pytest.mark.parametrize("grad", [True, False])
def test_model_optimizer_data_and_generators_are_left_bitwise(grad: bool) -> None:
    model, data = classifier(), batch()
    model[5].eval()
    optimizer = torch.optim.Adam(model.parameters())
    functional.cross_entropy(model(data[0]), data[1]).backward()
    optimizer.step()
    before = snapshot(model, optimizer, data)
    with torch.set_grad_enabled(grad):
        before[1][-2] = grad
        check_gradients(model, functional.cross_entropy, data, order=2, warm_up=2)
        after = snapshot(model, optimizer, data)
    assert_same(before, after)


def test_the_same_seed_gives_the_same_result() -> None:
    one, two = (check_gradients(classifier(), functional.cross_entropy, batch(), seed=4, coordinates=5) for _ in "ab")
    assert one == two


def test_dropout_is_checked_with_its_mask_fixed() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 2)).train()
    check = check_gradients(model, functional.mse_loss, (torch.randn(3, 6), torch.randn(3, 2)), coordinates="all")
    assert check.verdict == "right", str(check)


class Drifting(nn.Module):
    """Noise from a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * (1.0 + 0.1 * self.calls)


def test_a_module_that_changes_by_itself_is_named() -> None:
    model = nn.Sequential(nn.Linear(4, 4), Drifting(), nn.Linear(4, 2))
    check = check_gradients(model, functional.mse_loss, (torch.randn(3, 4), torch.randn(3, 2)))
    assert (check.verdict, check.ok) == ("non-deterministic", False)
    assert "1 (Drifting)" in check.reason


def test_a_loss_that_changes_by_itself_is_named() -> None:
    calls: list[int] = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        calls.append(0)
        return functional.mse_loss(outputs, targets) * len(calls)

    check = check_gradients(nn.Linear(4, 2), loss, (torch.randn(3, 4), torch.randn(3, 2)))
    assert check.verdict == "non-deterministic"
    assert "the loss function" in check.reason


def test_float32_constants_and_casts_of_a_model_are_lifted_to_float64() -> None:
    table = torch.randn(4, 4)

    class Careless(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(super().forward(x).float() @ table).to(torch.float32)

    check = check_gradients(Careless(4, 4), functional.mse_loss, (torch.randn(3, 4), torch.randn(3, 4)))
    assert check.verdict == "right", str(check)
    assert check.max_relative_error < 1e-5


class Narrow(Function):
    """A kernel for float32 and nothing else."""

    slope = 1.0

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        if x.dtype != torch.float32:
            raise RuntimeError("kernel: float32 expected")
        ctx.save_for_backward(x)
        return torch.tanh(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return Narrow.slope * gradient * (1 - torch.tanh(ctx.saved_tensors[0]) ** 2)


@pytest.mark.parametrize(("slope", "verdict"), [(1.0, "precision"), (1.5, "wrong")])
def test_a_kernel_of_float32_alone_is_a_matter_of_precision(
    slope: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Narrow, "slope", slope)
    torch.manual_seed(0)

    class Model(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return Narrow.apply(super().forward(x))

    check = check_gradients(Model(4, 3), functional.mse_loss, (torch.randn(3, 4), torch.randn(3, 3)))
    assert check.verdict == verdict, str(check)
    assert not check.ok
    assert any("kernel: float32 expected" in note for note in check.notes)


def test_a_hessian_vector_product_is_checked() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    check = check_gradients(model, functional.cross_entropy, (torch.randn(3, 4), torch.tensor([0, 1, 0])), order=2)
    assert check.verdict == "right", str(check)
    assert check.tensors[-1].name == "Hessian-vector product"
    assert check.tensors[-1].max_relative_error < 1e-5


class FirstOnly(Function):
    """Right at first order; its own backward pass hides a constant from the second."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * 3 * ctx.saved_tensors[0].detach() ** 2


def test_a_wrong_second_derivative_behind_a_right_first_is_found() -> None:
    x = torch.randn(4)
    assert check_gradients(FirstOnly.apply, x).verdict == "right"
    assert check_gradients(FirstOnly.apply, x, order=2).verdict == "wrong"


def decay(model: nn.Module) -> Tensor:
    return torch.stack([1e-6 * p.square().sum() for p in model.parameters()]).sum()


def wrong_decay(model: nn.Module) -> Tensor:
    return torch.stack([1e-6 * (p.detach() * p).sum() for p in model.parameters()]).sum()


def test_regularisation_is_checked_apart_and_raised() -> None:
    data = (torch.randn(3, 4), torch.tensor([0, 1, 1]))
    right = check_gradients(nn.Linear(4, 2), functional.cross_entropy, data, regularisation=decay)
    assert right.verdict == "right", str(right)
    assert len([note for note in right.notes if note.startswith(("regularisation:", "loss with"))]) == 2
    wrong = check_gradients(nn.Linear(4, 2), functional.cross_entropy, data, regularisation=wrong_decay)
    assert wrong.verdict == "wrong"
    assert wrong.reason.startswith("regularisation:")


def test_a_warm_up_leaves_a_special_start() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.zero_()
    data = (torch.randn(3, 4), torch.randn(3, 2))
    assert check_gradients(model, functional.mse_loss, data).verdict == "kink"
    model[0].bias.data.fill_(1e-9)
    warm = check_gradients(model, functional.mse_loss, data, warm_up=10)
    assert warm.verdict == "right", str(warm)
    assert float(model[0].weight.detach().abs().max()) == 0.0


def test_a_model_with_several_inputs_by_position_and_by_name() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Bilinear(3, 2, 2)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return self.layer(a, b)

    a, b, y = torch.randn(4, 3), torch.randn(4, 2), torch.randn(4, 2)
    by_position = check_gradients(Two(), functional.mse_loss, ((a, b), y))
    assert {"input[0]", "input[1]"} <= {tensor.name for tensor in by_position.tensors}
    by_name = check_gradients(Two(), functional.mse_loss, ({"a": a, "b": b}, y))
    assert {"input.a", "input.b"} <= {tensor.name for tensor in by_name.tensors}


def test_parameters_of_a_loss_module_are_checked() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(0.3))

        def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
            return functional.mse_loss(outputs, targets) * self.scale.exp()

    check = check_gradients(nn.Linear(3, 2), Scaled(), (torch.randn(3, 3), torch.randn(3, 2)))
    assert check.verdict == "right"
    assert "loss.scale" in {tensor.name for tensor in check.tensors}


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4), st.sampled_from([nn.Tanh, nn.ReLU, nn.GELU, nn.Hardswish]))
def test_random_networks_are_right(seed: int, depth: int, activation: Callable[[], nn.Module]) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(*[part for _ in range(depth) for part in (nn.Linear(5, 5), activation())], nn.Linear(5, 3))
    check = check_gradients(
        model, functional.cross_entropy, (torch.randn(3, 5), torch.tensor([0, 2, 1])), coordinates=6
    )
    assert check.ok, str(check)


def test_coordinates_by_name() -> None:
    check = check_gradients(torch.sin, torch.randn(3, 4), coordinates={"input": [2, 7]})
    assert check.checked == 2


def test_it_prints_as_a_table_and_writes_as_json() -> None:
    check = check_gradients(torch.sin, torch.randn(3))
    assert "tensor  shape  checked  kinks  largest error  verdict" in str(check)
    assert check.to_dict()["checked"] == 3


MODEL = nn.Linear(4, 2)
FROZEN = nn.Linear(4, 2).requires_grad_(False)
DATA = (torch.randn(3, 4), torch.randn(3, 2))


class Whole(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.count = nn.Parameter(torch.tensor([1, 2]), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.count


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: check_gradients(MODEL, lambda o, t: (o - t) ** 2, DATA), r"not a scalar but of shape \(3, 2\)"),
        (lambda: check_gradients(MODEL, lambda o, t: 1.0, DATA), "a tensor of one number"),
        (
            lambda: check_gradients(nn.Linear(4, 2).requires_grad_(False), functional.mse_loss, DATA),
            "no parameter requires",
        ),
        (lambda: check_gradients(Whole(), functional.mse_loss, (torch.randn(3, 2), DATA[1])), "no parameter requires"),
        (lambda: check_gradients(torch.sin, torch.arange(3)), "integers have no gradient"),
        (
            lambda: check_gradients(MODEL, functional.mse_loss, (DATA[0].to("meta"), DATA[1])),
            "inputs: on meta, but the model",
        ),
        (lambda: check_gradients(nn.Linear(4, 2).to("meta"), functional.mse_loss, DATA), "holds no numbers"),
        (lambda: check_gradients(MODEL, functional.mse_loss, (DATA[0] * torch.nan, DATA[1])), "inputs hold NaN"),
        (lambda: check_gradients(MODEL, lambda o, t: (o - o.max()).log().sum(), DATA), "log"),
        (
            lambda: check_gradients(MODEL, lambda o, t: (o.detach() - t).sum(), (torch.arange(4), DATA[1])),
            "does not run",
        ),
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, coordinates=0), "coordinates=0"),
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, coordinates={"w": [0]}), "no tensor is called 'w'"),
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, coordinates={"bias": [9]}), "0 to 1 are accepted"),
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, order=3), "order=3"),
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, examples=0), "examples=0"),
        (lambda: check_gradients(MODEL, functional.mse_loss, (DATA[0], DATA[1], 1)), "a pair"),  # type: ignore[arg-type]
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, exclude=[3]), "exclude=.3.: a list of names"),
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, exclude=None), "exclude=None: a list of names"),
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, seed="a"), "seed='a'"),
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, regularisation=0.1), "regularisation=0.1"),
        (lambda: check_gradients(MODEL, "mse", DATA), "loss='mse': a function"),
        (lambda: check_gradients(None, functional.mse_loss, DATA), "model=None: a module"),
        (lambda: check_gradients(MODEL, functional.mse_loss, DATA, coordinates={"bias": 1}), "a list of flat indices"),
    ],
)
def test_bad_input_gets_a_clear_word(call: Callable[[], object], word: str) -> None:
    with pytest.raises(ArgumentError, match=word):
        call()


def test_a_loss_that_is_cut_off_is_wrong_for_every_parameter() -> None:
    check = check_gradients(MODEL, lambda o, t: (o.detach() - t).square().sum(), DATA)
    assert check.verdict == "wrong"
    assert "detach()" in check.advice


def test_the_module_that_first_gives_nan_is_named() -> None:
    class Root(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x - 100).sqrt()

    model = nn.Sequential(nn.Linear(4, 2), Root())
    with pytest.raises(ArgumentError, match=r"comes out of 1 \(Root\)"):
        check_gradients(model, functional.mse_loss, DATA)


def test_a_gradient_that_is_not_finite_beside_a_finite_loss_is_named() -> None:
    check = check_gradients(torch.sqrt, torch.tensor([0.0, 1.0]))
    assert check.verdict == "precision"
    assert "gradient of input is NaN or infinite" in check.reason


@pytest.mark.slow
def test_a_large_model_is_sampled_fast() -> None:
    import time

    model = nn.Sequential(nn.Linear(784, 800), nn.ReLU(), nn.Linear(800, 450), nn.ReLU(), nn.Linear(450, 10))
    began = time.perf_counter()
    check = check_gradients(model, functional.cross_entropy, (torch.randn(64, 784), torch.arange(64) % 10))
    assert check.verdict == "right"
    assert time.perf_counter() - began < 10


def test_a_parameter_of_whole_numbers_is_named_in_a_note() -> None:
    class Counting(nn.Linear):
        def __init__(self) -> None:
            super().__init__(4, 3)
            self.counts = nn.Parameter(torch.tensor([1, 2, 3]), requires_grad=False)

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + self.counts

    check = check_gradients(Counting(), nn.functional.cross_entropy, (torch.randn(3, 4), torch.tensor([0, 1, 2])))
    assert check.verdict == "right"
    assert any("counts: of torch.int64" in note for note in check.notes)
