"""All spellings of ``backward`` and ``grad``, and what a graph can be asked for beside."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint

CALLS = ("tensor", "tuple", "list", "generator")


def _leaves() -> tuple[Tensor, Tensor]:
    return torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)


def _as(kind: str, *tensors: Any) -> Any:
    if kind == "tensor":
        return tensors[0]
    return iter(tensors) if kind == "generator" else {"tuple": tuple, "list": list}[kind](tensors)


@pytest.mark.parametrize("outputs", CALLS)
@pytest.mark.parametrize("gradients", CALLS)
@pytest.mark.parametrize("keywords", [False, True])
def backward(outputs: str, gradients: str, keywords: bool):
    a, b = _leaves()
    for _ in range(3):
        of = _as(outputs, a * b, *((a + b,) if outputs != "tensor" else ()))
        by = _as(gradients, torch.ones(3), *((torch.arange(3.0),) if outputs != "tensor" else ()))
        if keywords:
            torch.autograd.backward(tensors=of, grad_tensors=by)
        else:
            torch.autograd.backward(of, by)
    return a.grad, b.grad


@pytest.mark.parametrize("inputs", [*CALLS, "dict", "edge"])
@pytest.mark.parametrize("call", ["grad", "backward", "method"])
@pytest.mark.parametrize("keywords", [False, True])
def inputs(inputs: str, call: str, keywords: bool):
    a, b = _leaves()
    results = []
    for _ in range(3):
        of = (a * b).sum()
        chosen = {"a": a, "b": b} if inputs == "dict" else get_gradient_edge(a) if inputs == "edge" else None
        chosen = chosen if chosen is not None else _as(inputs, a, b)
        if call == "grad":
            results.append(
                torch.autograd.grad(outputs=of, inputs=chosen) if keywords else torch.autograd.grad(of, chosen)
            )
        elif call == "backward":
            torch.autograd.backward(tensors=of, inputs=chosen) if keywords else torch.autograd.backward(
                of, inputs=chosen
            )
        else:
            of.backward(None, False, False, chosen) if not keywords else of.backward(inputs=chosen)
    return results, a.grad, b.grad


def gradient_edges_as_outputs():
    a, b = _leaves()
    for _ in range(3):
        edge = get_gradient_edge((a * b).sum())
        torch.autograd.backward(edge, torch.ones(()))
    edge = get_gradient_edge((a * b).sum())
    return a.grad, torch.autograd.grad(edge, [a, b], grad_outputs=torch.ones(())), isinstance(edge, GradientEdge)


def batched_gradients():
    a, b = _leaves()
    rows = torch.autograd.grad(a * b, (a, b), torch.eye(3), is_grads_batched=True)
    jacobian = torch.autograd.functional.jacobian(lambda x: (x * b).sin(), a, vectorize=True)
    hessian = torch.autograd.functional.hessian(lambda x: (x * b).sin().sum(), a, vectorize=True)
    return rows, jacobian, hessian


def unused_and_materialized():
    a, b = _leaves()
    kept = torch.autograd.grad(a.sum(), (a, b), allow_unused=True)
    return kept, torch.autograd.grad(a.sum(), (a, b), materialize_grads=True)


@pytest.mark.parametrize(
    "wrong",
    ["no inputs", "unused", "no graph", "twice", "not scalar", "shape", "keyword", "nothing", "mapping", "positional"],
)
def mistakes(wrong: str):
    a, b = _leaves()
    loss = (a * b).sum()
    if wrong == "no inputs":
        return torch.autograd.grad(loss, [])
    if wrong == "unused":
        return torch.autograd.grad(a.sum(), [b])
    if wrong == "no graph":
        return torch.ones(1).sum().backward()
    if wrong == "twice":
        loss.backward()
        return loss.backward()
    if wrong == "not scalar":
        return (a * b).backward()
    if wrong == "shape":
        return torch.autograd.backward(loss, torch.ones(7))
    if wrong == "keyword":
        return torch.autograd.grad(loss, a, unknown=1)
    if wrong == "mapping":
        return torch.autograd.backward(None)
    if wrong == "positional":
        return torch.autograd.grad()
    return torch.autograd.backward()


def deprecated_arguments():
    a, b = _leaves()
    torch.autograd.backward((a * b).sum(), grad_variables=torch.ones(()))
    return a.grad, torch.autograd.grad((a * b).sum(), a, only_inputs=False)


@pytest.mark.parametrize("kind", ["heads", "micro-batches", "checkpoint", "hooks", "modes", "evaluation"])
def passes_of_one_step(kind: str):
    body, heads = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Tanh()), [nn.Linear(4, 1), nn.Linear(4, 2)]
    optimizer = torch.optim.Adam([*body.parameters(), *heads[0].parameters(), *heads[1].parameters()])
    seen: list[Any] = []
    if kind == "hooks":
        heads[1].register_forward_hook(lambda module, args, output: seen.append(output.sum().item()))
        heads[1].weight.register_hook(lambda gradient: seen.append(gradient.abs().sum()))

    class Counting(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(getattr(func, "__name__", ""))
            return func(*args, **(kwargs or {}))

    def loss_of(head: nn.Module, rows: Tensor) -> Tensor:
        hidden = checkpoint(body, rows, use_reentrant=False) if kind == "checkpoint" else body(rows)
        return head(hidden).square().mean()

    for _ in range(5):
        optimizer.zero_grad()
        loss_of(heads[0], torch.randn(4, 3)).backward()
        if kind == "evaluation":
            body.eval()
            with torch.no_grad():
                seen.append(heads[0](body(torch.ones(2, 3))))
            body.train()
        with Counting() if kind == "modes" else contextlib.nullcontext():
            for part in range(3 if kind == "micro-batches" else 1):
                (nn.functional.l1_loss(heads[1](body(torch.randn(4, 3))), torch.full((4, 2), float(part)))).backward()
        loss_of(heads[0], torch.randn(4, 3)).backward()
        optimizer.step()
    return body, heads, optimizer, seen


@pytest.mark.parametrize("create", [False, True])
def retained_graphs(create: bool):
    a, b = _leaves()
    loss = (a * b).square().sum()
    for _ in range(3):
        loss.backward(retain_graph=True, create_graph=create)
    first = torch.autograd.grad(loss, a, retain_graph=True, create_graph=create)
    return a.grad.detach(), b.grad.detach(), first, torch.autograd.grad(loss, b)


def hessian_vector_products():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    weights, products = list(model.parameters()), []
    for _ in range(4):
        loss = model(torch.ones(2, 3)).square().mean()
        slopes = torch.autograd.grad(loss, weights, create_graph=True)
        directions = [torch.ones_like(weight) for weight in weights]
        products.append(torch.autograd.grad(slopes, weights, directions, allow_unused=True))
        with torch.no_grad():
            for weight, slope in zip(weights, slopes, strict=True):
                weight -= 0.1 * slope
    return products, model


def gradient_penalty():
    critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = torch.optim.Adam(critic.parameters())
    for _ in range(5):
        x = torch.randn(4, 3, requires_grad=True)
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        optimizer.zero_grad()
        ((slope.norm(dim=1) - 1).square().mean() + critic(x).mean()).backward()
        optimizer.step()
    return critic, optimizer


def inner_loops():
    """Model-agnostic meta-learning: the outer gradient goes through inner steps."""
    model = nn.Linear(3, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        for _ in range(2):
            x, fast = torch.randn(4, 3), dict(model.named_parameters())
            for _ in range(2):
                loss = torch.func.functional_call(model, fast, (x,)).square().mean()
                slopes = torch.autograd.grad(loss, list(fast.values()), create_graph=True)
                fast = {n: w - 0.1 * g for (n, w), g in zip(fast.items(), slopes, strict=True)}
            torch.func.functional_call(model, fast, (x,)).sub(1.0).square().mean().backward()
        optimizer.step()
    return model, optimizer


class _Counted(torch.autograd.Function):
    calls: ClassVar[list[str]] = []

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        _Counted.calls.append("forward")
        ctx.scale = scale
        return x * scale

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        _Counted.calls.append("backward")
        return slope * ctx.scale, None


def functions_of_ones_own_run_as_often():
    _Counted.calls = []
    own, weight = _Counted.__dict__["forward"], nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        _Counted.apply(weight, 2.0).square().sum().backward()
        optimizer.step()
    return list(_Counted.calls), _Counted.__dict__["forward"] is own, weight


class _Mutated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return slope * 2


def functions_in_place():
    weight = nn.Parameter(torch.ones(3))
    for _ in range(4):
        x = weight.clone()
        _Mutated.apply(x).sum().backward()
    return weight


def backward_within_backward():
    """A hook of a backward pass takes gradients of its own."""
    weight, inner = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight, inner], lr=0.1)

    def hook(slope: Tensor) -> Tensor:
        with torch.enable_grad():
            inner.square().sum().backward()
            (extra,) = torch.autograd.grad(inner.exp().sum(), inner)
        return slope + extra

    for _ in range(5):
        optimizer.zero_grad()
        loss = weight * 2
        loss.register_hook(hook)
        loss.sum().backward()
        optimizer.step()
    return weight, inner


def errors_within_backward():
    weight = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    for step in range(5):
        output = weight * 2

        def hook(slope: Tensor, step: int = step) -> None:
            if step == 2:
                raise KeyError("of the program")

        output.register_hook(hook)
        try:
            output.sum().backward()
        except KeyError:
            weight.grad = None
            continue
        optimizer.step()
    output = weight * 2
    output.register_hook(lambda slope: 1 / 0)
    output.sum().backward()


def anomaly_mode():
    """The frames of the call that failed, as far as they are the program's own."""
    weight = nn.Parameter(torch.ones(3))
    with warnings.catch_warnings(record=True) as caught, torch.autograd.detect_anomaly(check_nan=True):
        warnings.simplefilter("always")
        for _ in range(3):
            weight.square().sum().backward()
        try:
            (weight * 0).sqrt().mul(0).sum().backward()
        except RuntimeError as error:
            said = str(caught[-1].message).splitlines()
            own = next(i for i, line in enumerate(said) if "in anomaly_mode" in line)
            return str(error), said[own:]
    return None


def forward_mode():
    import torch.autograd.forward_ad as forward_ad

    model, results = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        with forward_ad.dual_level():
            x = forward_ad.make_dual(torch.ones(2, 3), torch.full((2, 3), 0.5))
            value, tangent = forward_ad.unpack_dual(model(x))
            results.append((value.detach(), tangent.detach()))
            (value.mean() + tangent.mean()).backward()
        optimizer.step()
    return results, model


def imported_by_name():
    from torch.autograd import backward, grad

    a, b = _leaves()
    backward((a * b).sum())
    return grad((a * b).sum(), a), a.grad, backward.__module__, grad.__name__


def graph_of_the_loss():
    """The nodes of the graph, and how often each of its hooks runs."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer, seen = torch.optim.SGD(model.parameters(), lr=0.1), []
    for _ in range(4):
        loss = model(torch.ones(2, 3)).square().mean()
        pending = [loss.grad_fn]
        while pending:
            node = pending.pop()
            name = node.name()
            node.register_hook(lambda *_, name=name: seen.append(name))
            seen.append((name, sorted(node.metadata)))
            pending += [successor for successor, _ in node.next_functions if successor is not None]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return seen
