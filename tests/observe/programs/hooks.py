"""Hooks of modules, tensors and graphs: each is called as often, in the same order, with the same arguments."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    checkpoint_sequential,
    create_selective_checkpoint_contexts,
)


def _model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def _train(model: nn.Module, forward: Any = None, steps: int = 4) -> Any:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        (forward or model)(torch.randn(5, 3)).square().mean().backward()
        optimizer.step()
    return model


def modules_of_all_kinds():
    model, seen = _model(), []

    def note(name: str, change: bool = False) -> Any:
        def hook(module: nn.Module, *args: Any) -> Any:
            seen.append((name, type(module).__name__, [type(arg).__name__ for arg in args]))
            return tuple(a * 2 for a in args[0]) if change else None

        return hook

    for module in model:
        module.register_forward_pre_hook(note("before"))
        module.register_forward_pre_hook(note("before", False), with_kwargs=True, prepend=True)
        module.register_forward_hook(note("after"))
        module.register_forward_hook(note("always"), always_call=True)
        module.register_forward_hook(note("with keywords"), with_kwargs=True)
        module.register_full_backward_pre_hook(note("backward before"))
        module.register_full_backward_hook(note("backward after"))
    model[1].register_full_backward_hook(note("changed", change=True))
    handles = [
        nn.modules.module.register_module_forward_pre_hook(note("all before")),
        nn.modules.module.register_module_forward_hook(note("all after")),
        nn.modules.module.register_module_full_backward_hook(note("all backward")),
    ]
    try:
        return _train(model), seen
    finally:
        for handle in handles:
            handle.remove()


def hooks_that_replace():
    model = _model()
    model[0].register_forward_pre_hook(lambda module, inputs: (inputs[0] * 2,))
    model[0].register_forward_hook(lambda module, inputs, output: output + 1)
    model[2].register_forward_pre_hook(lambda module, args, kwargs: ((args[0] * 3,), kwargs), with_kwargs=True)
    return _train(model)


def old_backward_hooks():
    model, seen = _model(), []
    model[2].register_backward_hook(lambda module, inner, outer: seen.append((len(inner), len(outer))))
    return _train(model), seen


def hooks_that_raise():
    model, seen = _model(), []
    model[1].register_forward_hook(lambda *_: seen.append("always"), always_call=True)

    def broken(module: nn.Module, inputs: Any) -> None:
        if len(seen) == 2:
            raise ValueError("of the program")

    model[1].register_forward_pre_hook(broken)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(6):
        try:
            loss = model(torch.ones(2, 3)).mean()
        except ValueError as error:
            seen.append(str(error))
            continue
        loss.backward()
        optimizer.step()
    return seen, model


class _Wrong(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.reshape(-1, 7))


@pytest.mark.parametrize("where", ["module", "function", "target", "first step"])
def errors_of_the_forward_pass(where: str):
    model = _model()
    if where != "first step":
        _train(model)
    if where == "module":
        return _Wrong()(torch.ones(2, 3))
    if where == "function":
        return torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 5))
    if where == "target":
        return nn.functional.cross_entropy(model(torch.ones(2, 3)), torch.tensor([0, 9]))
    return _train(_Wrong())


def tensors():
    model, seen = _model(), []
    handle = model[0].weight.register_hook(lambda slope: seen.append(slope.sum().item()))
    model[2].weight.register_hook(lambda slope: slope * 0.5)
    model[2].bias.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.sum().item()))
    _train(model)
    handle.remove()
    return _train(model), seen


@pytest.mark.parametrize("mode", ["all", "any"])
def several_gradients(mode: str):
    model, seen = _model(), []
    note = lambda slopes: seen.append(type(slopes).__name__)
    torch.autograd.graph.register_multi_grad_hook(list(model.parameters()), note, mode=mode)
    return _train(model), seen


def saved_tensors():
    model, seen = _model(), []

    def pack(tensor: Tensor) -> Tensor:
        seen.append(("pack", tuple(tensor.shape)))
        return tensor.clone()

    def unpack(tensor: Tensor) -> Tensor:
        seen.append(("unpack", tuple(tensor.shape)))
        return tensor

    def forward(x: Tensor) -> Tensor:
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            return model(x)

    _train(model, forward)
    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        _train(model)
    with torch.autograd.graph.save_on_cpu():
        _train(model)
    return model, seen


def saved_tensors_disabled():
    model = _model()
    with torch.autograd.graph.disable_saved_tensors_hooks("not here"):
        return _train(model)


@pytest.mark.parametrize("kind", ["reentrant", "plain", "sequential", "selective", "no early stop"])
def checkpoints(kind: str):
    seen = []

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Tanh(), nn.Linear(4, 3))

        def forward(self, x: Tensor) -> Tensor:
            seen.append((torch.is_grad_enabled(), x.requires_grad))
            return self.layers(x)

    first, block, last = nn.Linear(3, 3), Block(), nn.Linear(3, 2)

    def policy(context: Any, operation: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
        seen.append((str(operation), context.is_recompute))
        kept = operation == torch.ops.aten.addmm.default
        return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE

    def forward(x: Tensor) -> Tensor:
        x = first(x)
        if kind == "sequential":
            return last(checkpoint_sequential([block, block], 2, x, use_reentrant=False))
        if kind == "selective":
            contexts = lambda: create_selective_checkpoint_contexts(policy)
            return last(checkpoint(block, x, use_reentrant=False, context_fn=contexts))
        return last(checkpoint(block, x, use_reentrant=kind == "reentrant", early_stop=kind != "no early stop"))

    model = nn.ModuleList([first, block, last])
    return _train(model, forward), seen


def a_checkpoint_that_is_not_the_same_again():
    model, calls = _model(), []

    def forward(x: Tensor) -> Tensor:
        calls.append(1)
        return model(x if len(calls) % 2 else x.repeat(2, 1))

    return _train(model, lambda x: checkpoint(forward, x, use_reentrant=False))
