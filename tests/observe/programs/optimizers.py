"""Optimizers of all kinds, and what surrounds them."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler, swa_utils

EVERY = (
    *(torch.optim.Adadelta, torch.optim.Adafactor, torch.optim.Adagrad, torch.optim.Adam, torch.optim.AdamW),
    *(torch.optim.Adamax, torch.optim.ASGD, torch.optim.LBFGS, torch.optim.Muon, torch.optim.NAdam, torch.optim.RAdam),
    *(torch.optim.RMSprop, torch.optim.Rprop, torch.optim.SGD, torch.optim.SparseAdam),
)


def _model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4, bias=False), nn.Tanh(), nn.Linear(4, 2, bias=False))


def _loss(model: nn.Module) -> Tensor:
    return model(torch.ones(5, 3)).sub(torch.arange(2.0)).square().mean()


def _train(optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor], steps: int = 4) -> list[Any]:
    returned = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        returned.append(optimizer.step())
    return returned


@pytest.mark.parametrize("kind", EVERY)
def closures(kind: type[torch.optim.Optimizer]):
    if kind is torch.optim.SparseAdam:
        model: nn.Module = nn.Embedding(5, 2, sparse=True)
        optimizer = kind(model.parameters())
        value = lambda: model(torch.tensor([1, 2, 2])).square().sum()
    else:
        model = _model()
        optimizer = kind(model.parameters())
        value = lambda: _loss(model)
    called = []

    def closure() -> Tensor:
        called.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        loss = value()
        loss.backward()
        return loss

    losses = [optimizer.step(closure) for _ in range(4)]
    if kind is not torch.optim.LBFGS:
        losses += _train(optimizer, value)
    return losses, called, model, optimizer


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad])
@pytest.mark.parametrize("how", ["foreach", "fused", "differentiable", "maximize"])
def variants(kind: type[torch.optim.Optimizer], how: str):
    model = _model()
    optimizer = kind(model.parameters(), lr=0.01, **{how: True})
    if how == "differentiable":
        model = _model().requires_grad_(False)
        weights = [p.clone().requires_grad_() for p in model.parameters()]
        copies = [weight.clone() for weight in weights]
        optimizer = kind(copies, lr=0.01, differentiable=True)
        for copied in copies:
            copied.grad = copied * 2
        optimizer.step()
        return torch.autograd.grad(sum(c.sum() for c in copies), weights), optimizer
    return _train(optimizer, lambda: _loss(model)), model, optimizer


def tensor_rates():
    model = _model()
    optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(0.01), foreach=False)
    return _train(optimizer, lambda: _loss(model)), model, optimizer


@pytest.mark.parametrize("how", ["state_dict", "pickle", "deepcopy", "torch.save"])
def copies_go_on(how: str):
    model = _model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = lr_scheduler.StepLR(optimizer, 2)
    _train(optimizer, lambda: _loss(model), 3)
    schedule.step()
    if how == "state_dict":
        other_model = copy.deepcopy(model)
        other = torch.optim.Adam(other_model.parameters())
        other.load_state_dict(optimizer.state_dict())
    elif how == "deepcopy":
        other_model, other = copy.deepcopy((model, optimizer))
    elif how == "pickle":
        other_model, other = pickle.loads(pickle.dumps((model, optimizer)))
    else:
        stream = io.BytesIO()
        torch.save((model, optimizer), stream)
        stream.seek(0)
        other_model, other = torch.load(stream, weights_only=False)
    _train(other, lambda: _loss(other_model), 3)
    _train(optimizer, lambda: _loss(model), 3)
    return model, optimizer, other_model, other, sorted(vars(optimizer)), schedule.state_dict(), sorted(vars(schedule))


def size_of_a_pickle():
    model = _model()
    optimizer = torch.optim.Adam(model.parameters())
    _train(optimizer, lambda: _loss(model))
    return len(pickle.dumps(model)), len(pickle.dumps(optimizer)), sorted(map(str, vars(model)))


def groups_added_later():
    model, extra = _model(), nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD(model[0].parameters(), lr=0.1)
    _train(optimizer, lambda: _loss(model), 2)
    optimizer.add_param_group({"params": model[2].parameters(), "lr": 0.01})
    _train(optimizer, lambda: _loss(model), 2)
    optimizer.add_param_group({"params": [extra]})
    _train(optimizer, lambda: (_loss(model) * extra).sum(), 2)
    return model, extra, [len(group["params"]) for group in optimizer.param_groups]


def order_of_hooks():
    model, seen = _model(), []
    optimizer = torch.optim.Adam(model.parameters())
    record = lambda name: lambda *args: seen.append((name, [type(a).__name__ for a in args]))
    handles = [
        torch.optim.optimizer.register_optimizer_step_pre_hook(record("all before")),
        torch.optim.optimizer.register_optimizer_step_post_hook(record("all after")),
    ]
    optimizer.register_step_pre_hook(record("before"))
    optimizer.register_step_post_hook(record("after"))
    optimizer.register_state_dict_pre_hook(record("state"))
    try:
        _train(optimizer, lambda: _loss(model))
        optimizer.state_dict()
    finally:
        for handle in handles:
            handle.remove()
    return seen, model


def hooks_that_change_arguments():
    weight = nn.Parameter(torch.ones(3))

    class Scaled(torch.optim.SGD):
        def step(self, closure: Any = None, *, scale: float = 1.0) -> float:
            self.param_groups[0]["params"][0].grad.mul_(scale)
            super().step(closure)
            return scale

    optimizer, returned = Scaled([weight], lr=0.1), []
    optimizer.register_step_pre_hook(lambda self, args, kwargs: (args, {**kwargs, "scale": 0.5}))
    for _ in range(4):
        optimizer.zero_grad()
        weight.square().sum().backward()
        returned.append(optimizer.step(scale=3.0))
    return weight, returned


def without_the_constructor_of_the_base():
    class Bare(torch.optim.Optimizer):
        def __init__(self, parameters: list[Tensor]) -> None:
            self.param_groups = [{"params": parameters, "lr": 0.1}]
            self.state = {}

        def step(self, closure: Any = None) -> str:
            with torch.no_grad():
                for parameter in self.param_groups[0]["params"]:
                    parameter -= 0.1 * parameter.grad
            return "done"

        def zero_grad(self, set_to_none: bool = True) -> None:
            for parameter in self.param_groups[0]["params"]:
                parameter.grad = None

    model = _model()
    optimizer = Bare(list(model.parameters()))
    return _train(optimizer, lambda: _loss(model)), model


def a_constructor_that_fails_or_runs_twice():
    weight, errors = nn.Parameter(torch.ones(3)), []

    class Twice(torch.optim.SGD):
        def __init__(self, parameters: list[Tensor]) -> None:
            super().__init__(parameters, lr=0.1)
            super().__init__(parameters, lr=0.2)

    for wrong in ([], [torch.ones(1).requires_grad_() * 2], "text", [weight, weight]):
        try:
            torch.optim.SGD(wrong, lr=0.1)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
    return errors, _train(Twice([weight]), lambda: weight.square().sum()), weight


def identity_of_classes():
    """What the program can see of PyTorch's own functions: their names, signatures, and how they are told apart."""
    import inspect

    functions = (torch.autograd.backward, torch.autograd.grad, Tensor.backward, nn.Module.train, nn.Module.__call__)
    functions = (*functions, torch.optim.SGD.__init__, torch.optim.Optimizer.__init__, lr_scheduler.LRScheduler.step)
    functions = (*functions, torch.compile, torch.amp.GradScaler.scale, torch.utils.data.DataLoader.__iter__)
    shown = [(f.__name__, f.__qualname__, f.__module__, str(inspect.signature(f)), f.__doc__) for f in functions]
    return shown, [pickle.dumps(f) for f in (torch.autograd.grad, torch.autograd.backward)]


def freed_when_dropped():
    """Nothing of the program is kept alive once the program has let go of it."""
    references = []
    for _ in range(3):
        model = _model()
        optimizer = torch.optim.Adam(model.parameters())
        schedule = lr_scheduler.StepLR(optimizer, 2)
        _train(optimizer, lambda model=model: _loss(model), 2)
        references += [weakref.ref(one) for one in (model, optimizer, schedule, model[0].weight)]
    del model, schedule, optimizer
    gc.collect()
    return [reference() is None for reference in references]


def leaves_freed_without_an_optimizer():
    """Soon: an update that the program makes itself is awaited for a few backward passes."""
    references = []
    for _ in range(12):
        x = torch.ones(3, requires_grad=True)
        x.square().sum().backward()
        references.append(weakref.ref(x))
        del x
    return [reference() is None for reference in references[:6]]


def activations_freed_after_backward():
    model, dead = _model(), []
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(4):
        hidden = model[1](model[0](torch.ones(5, 3)))
        loss = model[2](hidden).square().mean()
        optimizer.zero_grad()
        loss.backward()
        references = [weakref.ref(hidden), weakref.ref(loss)]
        del hidden, loss
        dead.append([reference() is None for reference in references])
        optimizer.step()
    return dead


SCHEDULES: tuple[Callable[[Any], Any], ...] = (
    lambda o: lr_scheduler.StepLR(o, 2),
    lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2),
    lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=10),
    lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ConstantLR(o), lr_scheduler.ExponentialLR(o, 0.9)]),
    lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o), lr_scheduler.StepLR(o, 2)], [3]),
    lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch),
)


@pytest.mark.parametrize("number", range(len(SCHEDULES)))
def schedules(number: int):
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule, rates = SCHEDULES[number](optimizer), []
    for _ in range(6):
        _train(optimizer, lambda: _loss(model), 1)
        schedule.step()
        rates.append(schedule.get_last_lr())
    return rates, model, optimizer


def schedules_of_ones_own_and_in_the_wrong_order():
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    class Own(lr_scheduler.LRScheduler):
        def get_lr(self) -> list[float]:
            return [base / (1 + self.last_epoch) for base in self.base_lrs]

        def step(self, epoch: int | None = None, extra: str = "") -> str:
            super().step()
            return extra

    schedule = Own(optimizer)
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    shown = [schedule.step(extra="before the optimizer")]
    for _ in range(5):
        _train(optimizer, lambda: _loss(model), 1)
        shown.append(schedule.step(extra="after"))
        shown.append(plateau.step(metrics=torch.tensor(1.0)))
    return shown, model, plateau.state_dict(), copy.deepcopy(schedule).last_epoch


def averaged_weights():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    average = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = swa_utils.SWALR(optimizer, swa_lr=0.05)
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.randn(5, 3)).square().mean().backward()
        optimizer.step()
        average.update_parameters(model)
        schedule.step()
    swa_utils.update_bn([torch.randn(5, 3) for _ in range(3)], average)
    return model, average, average(torch.ones(2, 3))


def several_optimizers():
    """A generator and a discriminator, in the usual order."""
    g, d = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(0.2), nn.Linear(4, 1))
    of_g, of_d = torch.optim.Adam(g.parameters()), torch.optim.Adam(d.parameters())
    for _ in range(5):
        fake = g(torch.randn(4, 2))
        of_d.zero_grad()
        (d(fake.detach()).mean() - d(torch.randn(4, 3)).mean()).backward()
        of_d.step()
        of_g.zero_grad()
        (-d(fake).mean()).backward()
        of_g.step()
    return g, d, of_g, of_d


def accumulation_clipping_and_noise():
    model = _model()
    optimizer, norms = torch.optim.SGD(model.parameters(), lr=0.1), []
    for step in range(9):
        (model(torch.randn(5, 3)).square().mean() / 3).backward()
        if step % 3 == 2:
            norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.1, foreach=True))
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
    return norms, model


def optimizer_in_backward():
    """One optimizer for each parameter, stepped by a hook as its gradient is ready."""
    model = _model()
    optimizers = {p: torch.optim.Adam([p], lr=0.01, foreach=False) for p in model.parameters()}

    def hook(parameter: Tensor) -> None:
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(hook)
    for _ in range(5):
        _loss(model).backward()
    return model, *optimizers.values()
