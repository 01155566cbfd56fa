"""Tensors of every kind as inputs and parameters, and models of every build."""

from __future__ import annotations

import contextlib
import copy
import warnings
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune, stateless

FLOATING = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128)


def _train(model: nn.Module, *inputs: Any, steps: int = 4, lr: float = 0.1) -> Any:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        output = model(*inputs)
        output = output[0] if isinstance(output, tuple) else output
        output.abs().square().mean().backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("dtype", FLOATING)
def dtypes(dtype: torch.dtype):
    return _train(nn.Linear(3, 2, dtype=dtype), torch.ones(4, 3, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int64, torch.bool, torch.float8_e4m3fn, torch.uint16])
def parameters_without_gradients(dtype: torch.dtype):
    model = nn.Linear(3, 2)
    model.table = nn.Parameter(torch.ones(2).to(dtype), requires_grad=False)
    model.register_buffer("mask", torch.zeros(2).to(dtype))
    return _train(model, torch.ones(4, 3))


@pytest.mark.parametrize("shape", [(0,), (0, 3), ()])
def parameters_of_few_values(shape: tuple[int, ...]):
    class Few(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.few, self.one = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            return (x * self.one).mean() + self.few.sum()

    return _train(Few(), torch.ones(4))


@pytest.mark.parametrize("rows", [0, 1])
def batches_of_few_rows(rows: int):
    return _train(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.ones(rows, 3))


def not_finite():
    model = nn.Linear(3, 2)
    _train(model, torch.ones(4, 3))
    return _train(model, torch.full((4, 3), torch.inf)), _train(nn.Linear(3, 2), torch.full((4, 3), torch.nan))


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def sparse_inputs(layout: torch.layout):
    x = torch.eye(4, 3).to_sparse(layout=layout)

    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3, 2))

        def forward(self, x: Tensor) -> Tensor:
            return torch.sparse.mm(x, self.weight)

    return _train(Product(), x)


def sparse_gradients():
    model = nn.Sequential(nn.EmbeddingBag(6, 3, sparse=True), nn.Linear(3, 1))
    optimizers = torch.optim.SparseAdam(model[0].parameters()), torch.optim.SGD(model[1].parameters(), lr=0.1)
    for _ in range(4):
        for optimizer in optimizers:
            optimizer.zero_grad()
        model(torch.tensor([[1, 2], [2, 5]])).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
    return model


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
def sparse_leaves(layout: torch.layout):
    weight = torch.eye(3).to_sparse(layout=layout).requires_grad_()
    for _ in range(3):
        (weight.to_dense() * torch.arange(9.0).reshape(3, 3)).sum().backward()
    return weight.grad.to_dense()


def quantized_inputs():
    x = torch.quantize_per_tensor(torch.randn(4, 3), 0.1, 0, torch.quint8)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())

    class Opened(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x.dequantize())

    return _train(Opened(), x), x


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def nested_inputs(layout: torch.layout):
    warnings.simplefilter("ignore")  # of the prototype, from C++: the frame that calls is ours while a mode sees calls
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        x = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=layout)
        optimizer.zero_grad()
        sum(part.square().sum() for part in model(x).unbind()).backward()
        optimizer.step()
    return model


def onednn_inputs():
    model = nn.Linear(3, 2)
    return [(model(torch.ones(4, 3)) + i).to_mkldnn().to_dense() for i in range(3)], _train(model, torch.ones(4, 3))


class _Tagged(Tensor):
    seen: ClassVar[list[str]] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.seen.append(getattr(func, "__name__", str(func)))
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("where", ["input", "parameter"])
def subclasses_by_function(where: str):
    _Tagged.seen = []
    model = nn.Linear(3, 2)
    if where == "parameter":
        model.weight = nn.Parameter(model.weight.detach().as_subclass(_Tagged))
    x = torch.ones(4, 3).as_subclass(_Tagged) if where == "input" else torch.ones(4, 3)
    return _train(model, x), list(_Tagged.seen), type(model(x)).__name__


def subclasses_by_dispatch():
    from torch.testing._internal.two_tensor import TwoTensor

    model = nn.Linear(3, 2)
    model.weight = nn.Parameter(TwoTensor(model.weight.detach(), model.weight.detach() * 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        (torch.ones(4, 3) @ model.weight.t()).square().mean().backward()
        optimizer.step()
    return model.weight.a, model.weight.b


class _Answer:
    """Behaves as a tensor by ``__torch_function__``, and is none."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return ("handled", getattr(func, "__name__", str(func)))


def things_like_tensors():
    answers = [torch.add(_Answer(), 1), torch.nn.functional.mse_loss(_Answer(), torch.ones(1))]
    _train(nn.Linear(3, 2), torch.ones(4, 3))
    return [
        *answers,
        torch.autograd.backward(_Answer()),
        torch.autograd.grad(_Answer(), torch.ones(1, requires_grad=True)),
    ]


class _Outputs(nn.Module):
    """Takes and gives containers and plain objects."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, batch: dict[str, Any], *rest: Any, scale: float = 1.0) -> dict[str, Any]:
        return {"loss": self.layer(batch["x"]).square().mean() * scale, "rest": rest, "kind": type(batch).__name__}


def containers_and_objects():
    model, shown = _Outputs(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        output = model({"x": torch.ones(4, 3), "names": ["a"], "none": None}, object, 3, scale=2.0)
        output["loss"].backward()
        optimizer.step()
        shown.append((output["kind"], len(output["rest"])))
    return shown, model


def shared_weights():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.output = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
            self.output.weight = self.embedding.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.output(self.embedding(x))

    return _train(Tied(), torch.tensor([0, 1, 4]))


def parametrized():
    class Symmetric(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            Symmetric.calls += 1
            return x.triu() + x.triu(1).t()

    model = nn.Linear(3, 3)
    parametrize.register_parametrization(model, "weight", Symmetric())
    _train(model, torch.ones(4, 3))
    with parametrize.cached():
        _train(model, torch.ones(4, 3), steps=1)
    return model, Symmetric.calls


@pytest.mark.parametrize("kind", ["spectral", "old spectral", "weight norm", "orthogonal"])
def normalized(kind: str):
    wrap = {
        "spectral": parametrizations.spectral_norm,
        "old spectral": nn.utils.spectral_norm,
        "weight norm": parametrizations.weight_norm,
        "orthogonal": parametrizations.orthogonal,
    }[kind]
    return _train(nn.Sequential(wrap(nn.Linear(3, 3)), nn.Tanh(), nn.Linear(3, 1)), torch.ones(4, 3))


def pruned():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    prune.random_unstructured(model[0], "weight", 0.5)
    _train(model, torch.ones(4, 3))
    prune.l1_unstructured(model[0], "weight", 0.2)
    _train(model, torch.ones(4, 3))
    prune.remove(model[0], "weight")
    return model, _train(copy.deepcopy(model), torch.ones(4, 3))


def lazy():
    model = nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d(), nn.LazyLinear(2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    shown = [type(layer).__name__ for layer in model]
    for _ in range(4):
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().mean().backward()
        optimizer.step()
    return shown, [type(layer).__name__ for layer in model], model


def scripted_and_traced():
    plain = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    scripted, shown = torch.jit.script(copy.deepcopy(plain)), []
    _train(scripted, torch.ones(4, 3))
    traced = torch.jit.trace(plain, torch.ones(4, 3))
    _train(traced, torch.ones(4, 3))
    shown.append([node.kind() for node in traced.graph.nodes()])
    shown.append(str(torch.fx.symbolic_trace(plain).graph))
    return scripted(torch.ones(1, 3)), traced(torch.ones(1, 3)), shown


def scripted_gradients():
    @torch.jit.script
    def slope(x: Tensor):
        return torch.autograd.grad([x.sin().sum()], [x])

    return slope(torch.ones(3, requires_grad=True))


def copied_and_saved():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.3), nn.Linear(4, 2))
    _train(model, torch.randn(4, 3))
    other = copy.deepcopy(model)
    other.load_state_dict(model.state_dict())
    _train(other, torch.randn(4, 3))
    with contextlib.suppress(AttributeError):
        del other.missing
    return model, other, stateless.functional_call(model, dict(other.named_parameters()), (torch.ones(4, 3),))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.Conv1d])
@pytest.mark.parametrize("evaluated", [False, True])
def layers(kind: type[nn.Module], evaluated: bool):
    sizes: dict[Any, tuple[int, ...]] = {nn.Conv1d: (5, 4, 2)}
    model = kind(*sizes.get(kind, (4, 4) if kind in (nn.LSTM, nn.GRU) else (4, 2)))
    x = torch.randn(3, 5, 4)
    inputs = (x, x, x) if kind is nn.MultiheadAttention else (x,)
    _train(model, *inputs)
    model.train(not evaluated)
    with torch.no_grad():
        outputs = [model(*inputs) for _ in range(3)]
    return outputs, _train(model, *inputs)


def training_in_evaluation_mode():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    chained = model.eval().train(mode=False).train().eval()
    return _train(model, torch.randn(4, 3)), chained is model, [layer.training for layer in model]
