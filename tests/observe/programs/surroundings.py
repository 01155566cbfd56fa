"""What stands around a training: data loaders, threads, processes, functional transforms, compilers."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp, vmap
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    SequentialSampler,
    TensorDataset,
)


def _train(model: nn.Module, batches: Any, loss: Callable[[Any], Tensor] | None = None) -> nn.Module:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch in batches:
        optimizer.zero_grad()
        (loss(batch) if loss else model(batch).square().mean()).backward()
        optimizer.step()
    return model


class _NoLength(Dataset[Tensor]):
    asked: ClassVar[list[str]] = []

    def __len__(self) -> int:
        _NoLength.asked.append("length")
        raise ValueError("how long it is, nobody knows")

    def __getitem__(self, index: int) -> Tensor:
        return torch.full((3,), float(index))


class _Stream(IterableDataset[Tensor]):
    def __len__(self) -> int:
        raise AssertionError("never asked by the loader itself")

    def __iter__(self) -> Iterator[Tensor]:
        return (torch.randn(3) for _ in range(8))


class _OwnSampler(Sampler[int]):
    iterated = 0

    def __iter__(self) -> Iterator[int]:
        _OwnSampler.iterated += 1
        return iter(torch.randperm(8).tolist())

    def __len__(self) -> int:
        _OwnSampler.iterated += 100
        return 8


class _OwnLoader(DataLoader[Any]):
    def __iter__(self) -> Any:
        return (batch * 2 for (batch,) in super().__iter__())

    def __len__(self) -> int:
        raise RuntimeError("a loader without a length")


def _data() -> TensorDataset:
    return TensorDataset(torch.randn(8, 3))


LOADERS: dict[str, Callable[[], Any]] = {
    "no length": lambda: DataLoader(_NoLength(), sampler=range(8), batch_size=4),
    "stream": lambda: DataLoader(_Stream(), batch_size=4),
    "sampler": lambda: DataLoader(_NoLength(), sampler=_OwnSampler(), batch_size=4),
    "batch sampler": lambda: DataLoader(_NoLength(), batch_sampler=BatchSampler(SequentialSampler(range(8)), 3, True)),
    "no batches": lambda: DataLoader(torch.randn(8, 2, 3), batch_size=None, shuffle=True),
    "collated": lambda: DataLoader(_data(), 4, shuffle=True, collate_fn=lambda rows: torch.stack([r for (r,) in rows])),
    "generator": lambda: DataLoader(torch.randn(8, 3), 4, shuffle=True, generator=torch.Generator().manual_seed(1)),
    "subclass": lambda: _OwnLoader(_data(), batch_size=4, shuffle=True),
}


@pytest.mark.parametrize("name", LOADERS)
def loaders(name: str):
    _NoLength.asked, _OwnSampler.iterated, model = [], 0, nn.Linear(3, 2)
    loader = LOADERS[name]()
    for _ in range(3):
        _train(model, loader)
        next(iter(loader))
    return model, _NoLength.asked, _OwnSampler.iterated


def loaders_with_workers():
    loader, model = DataLoader(torch.arange(24.0).reshape(8, 3) / 24, 4, shuffle=True, num_workers=1), nn.Linear(3, 2)
    for _ in range(2):
        _train(model, loader)
    return model


def loaders_that_fail():
    class Broken(Dataset[Tensor]):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> Tensor:
            if index == 5:
                raise LookupError("of the program")
            return torch.ones(3)

    return _train(nn.Linear(3, 2), DataLoader(Broken(), batch_size=2))


def generators_of_all_libraries():
    model, drawn = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2)), []
    for _ in range(4):
        _train(model, [torch.randn(4, 3)])
        drawn.append((random.random(), float(np.random.rand()), torch.rand(()), torch.randperm(5)))
    return model, drawn


# Threads.


def _in_threads(work: list[Callable[[], Any]]) -> list[Any]:
    """Each in a thread of its own, one after the other or at once; what they return or raise."""
    results: list[Any] = [None] * len(work)

    def run(position: int) -> None:
        try:
            results[position] = work[position]()
        except Exception as error:
            results[position] = f"{type(error).__name__}: {error}"

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def two_trainings_in_threads():
    models = [nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)) for _ in range(2)]
    batches = [list(torch.randn(12, 4, 3)) for _ in range(2)]
    return _in_threads([lambda m=m, b=b: _train(m, b) for m, b in zip(models, batches, strict=True)])


def backward_in_another_thread():
    model, losses = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        loss = model(torch.randn(4, 3)).square().mean()
        _in_threads([loss.backward])
        losses.append(loss.detach())
        optimizer.step()
    return losses, model


def forward_in_another_thread():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(5):
        optimizer.zero_grad()
        x = torch.randn(4, 3)
        (loss,) = _in_threads([lambda x=x: model(x).square().mean()])
        loss.backward()
        _in_threads([optimizer.step])
    return model


def settings_of_other_threads():
    """Gradients are switched off by thread."""
    model = nn.Linear(3, 2)

    def other() -> list[bool]:
        seen = [torch.is_grad_enabled(), torch.is_inference_mode_enabled()]
        with torch.no_grad():
            seen.append(model(torch.ones(1, 3)).requires_grad)
        return [*seen, model(torch.ones(1, 3)).requires_grad]

    with torch.no_grad():
        first = _in_threads([other])
    return first, _train(model, [torch.randn(4, 3)] * 3), _in_threads([other])


# Transforms of functions.


def transforms():
    f = lambda x: (x.sin() * x).sum()
    x = torch.arange(3.0)
    shown = [grad(f)(x), grad(grad(lambda t: f(t * x)))(torch.tensor(2.0)), jacrev(torch.sin)(x), jacfwd(torch.cos)(x)]
    shown += [
        hessian(f)(x),
        vmap(grad(f))(torch.ones(2, 3)),
        jvp(f, (x,), (torch.ones(3),)),
        vjp(f, x)[1](torch.ones(())),
    ]
    return shown, grad_and_value(f)(x)


def gradients_by_example():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer, norms = torch.optim.SGD(model.parameters(), lr=0.1), []

    def loss(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(model, parameters, (x.unsqueeze(0),)).square().mean()

    for _ in range(4):
        x, parameters = torch.randn(5, 3), {k: v.detach() for k, v in model.named_parameters()}
        slopes = vmap(grad(loss), in_dims=(None, 0))(parameters, x)
        norms.append(sum(slope.square().sum() for slope in slopes.values()))
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    return norms, model


def trained_by_transforms_alone():
    model = nn.Linear(3, 1)
    parameters = {k: v.detach() for k, v in model.named_parameters()}
    for _ in range(4):
        slopes = grad(lambda p: functional_call(model, p, (torch.ones(4, 3),)).square().mean())(parameters)
        parameters = {name: value - 0.1 * slopes[name] for name, value in parameters.items()}
    return parameters


def a_physics_informed_loss():
    model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))

    def loss(t: Tensor) -> Tensor:
        slope = vmap(grad(lambda s: model(s.unsqueeze(0)).squeeze()))(t.squeeze(1))
        t = t.requires_grad_()
        (other,) = torch.autograd.grad(model(t).sum(), t, create_graph=True)
        return (slope + model(t).squeeze()).square().mean() + other.square().mean()

    return _train(model, [torch.rand(5, 1) for _ in range(4)], loss)


def ensembles():
    models = [nn.Linear(3, 2) for _ in range(3)]
    parameters, buffers = torch.func.stack_module_state(models)
    optimizer = torch.optim.SGD(list(parameters.values()), lr=0.1)
    for _ in range(4):
        x = torch.randn(4, 3)
        call = lambda p, b, x=x: functional_call(models[0], (p, b), (x,))
        optimizer.zero_grad()
        vmap(call)(parameters, buffers).square().mean().backward()
        optimizer.step()
    return parameters


@pytest.mark.parametrize("method", ["jacobian", "hessian", "vjp", "jvp", "hvp"])
def old_functional(method: str):
    function = getattr(torch.autograd.functional, method)
    x, extra = torch.arange(3.0), () if method in ("jacobian", "hessian") else (torch.ones(3),)
    f = lambda t: t.sin() * t
    scalar = lambda t: f(t).sum()
    needs_scalar = method in ("hessian", "hvp")
    return function(scalar if needs_scalar else f, x, *extra, create_graph=True)


def checked_gradients():
    x = torch.randn(3, dtype=torch.float64, requires_grad=True)
    kinds = {"check_batched_grad": True, "check_forward_ad": True}
    return torch.autograd.gradcheck(torch.sin, x, **kinds), torch.autograd.gradgradcheck(lambda t: t.exp() * t, x)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("what", ["model", "function", "step"])
@pytest.mark.slow
def compiled(backend: str, what: str):
    torch.compiler.reset()
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(x: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    if what == "step":
        losses = [step(torch.randn(4, 3))]
        compute = torch.compile(lambda x: model(x).square().mean(), backend=backend, fullgraph=True)
        for _ in range(3):
            optimizer.zero_grad()
            compute(torch.randn(4, 3)).backward()
            optimizer.step()
        return losses, model
    called = torch.compile(model if what == "model" else model.forward, backend=backend, fullgraph=True)
    _train(model, [torch.randn(4, 3) for _ in range(4)], lambda x: called(x).square().mean())
    model.eval()
    with torch.no_grad():
        return called(torch.ones(4, 3)), model


def exported():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    _train(model, [torch.randn(4, 3) for _ in range(3)])
    return str(torch.export.export(model, (torch.ones(4, 3),)).graph)


def made_by_tracing_operations():
    from torch.fx.experimental.proxy_tensor import make_fx

    model = nn.Linear(3, 2)
    _train(model, [torch.randn(4, 3) for _ in range(3)])

    def step(x: Tensor) -> Any:
        return torch.autograd.grad(model(x).square().mean(), list(model.parameters()))

    return [node.name for node in make_fx(step)(torch.ones(4, 3)).graph.nodes]


def fake_tensors():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        model = nn.Linear(3, 2)
        _train(model, [torch.randn(4, 3) for _ in range(3)])
        return tuple(model(torch.ones(4, 3)).shape), type(model.weight).__name__


@pytest.mark.parametrize("where", ["forward", "backward"])
def interrupted(where: str):
    """Ctrl-C in the middle of a step, after which training goes on."""
    model, seen = nn.Linear(3, 2), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    for step in range(6):
        optimizer.zero_grad()
        handle = None
        if step == 2:
            register = model.register_forward_hook if where == "forward" else model.weight.register_hook
            handle = register(stop)
        try:
            model(torch.randn(4, 3)).square().mean().backward()
        except KeyboardInterrupt as error:
            seen.append(type(error).__name__)
            continue
        finally:
            if handle is not None:
                handle.remove()
        optimizer.step()
    return seen, model


def generators_that_train():
    """A forward pass within a generator that is abandoned halfway."""
    model = nn.Linear(3, 2)

    def steps() -> Iterator[Tensor]:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with torch.enable_grad():
            while True:
                loss = model(torch.randn(4, 3)).square().mean()
                yield loss.detach()
                loss.backward()
                optimizer.step()

    running = steps()
    with torch.no_grad():
        losses = [next(running) for _ in range(4)]
    running.close()
    return losses, model
