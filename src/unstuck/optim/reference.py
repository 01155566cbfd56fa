"""The reference engine: an update rule in plain torch, one parameter at a time.

It serves every device and every kind of tensor: half precision, complex, sparse where the method allows it, tensor
subclasses, and steps that autograd differentiates through. The compiled engines are tested against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from unstuck.errors import ArgumentError
from unstuck.optim.row import Row
from unstuck.optim.sums import Sum

__all__ = ["advance", "measure"]

Constants = Callable[[dict[str, Any]], dict[str, Any]]
_HALF = (torch.bfloat16, torch.float16)
_TINY = 1e-30  #: sums below it may have lost terms to the end of float32's range


def advance(row: Row, *, constants: Constants, sparse: bool, observe: bool) -> torch.Tensor | None:
    """Take one step with one parameter, in place.

    Args:
        row: The parameter.
        constants: The numbers of the method, from a group.
        sparse: Whether the method may act on the given rows of a sparse gradient alone.
        observe: Whether to measure; costs a few more passes over the tensors.

    Returns:
        The sums of ``sums.Sum``, on the parameter's device, if asked for.
    """
    differentiable = bool(row.group.get("differentiable"))
    with torch.set_grad_enabled(differentiable):
        gradient = row.param.grad
        assert gradient is not None, "rows without gradient are left out before"
        numbers = {"t": _count(row), "lr": row.group["lr"], "weight_decay": row.group["weight_decay"]}
        numbers |= constants(row.group)
        if gradient.is_sparse:
            return _advance_sparse(row, gradient, numbers, sparse=sparse, observe=observe)
        tensors = [row.param, gradient, *row.buffers]
        if row.param.is_complex():
            tensors = [torch.view_as_real(x) for x in tensors]
        targets = [tensors[0], *tensors[2:]]
        if differentiable or observe:
            tensors = [x.clone() for x in tensors]
        if row.param.dtype in _HALF:
            tensors = [x.float() for x in tensors]
        results = _apply(row, tensors, numbers)
        for target, result in zip(targets, results, strict=True):
            target.copy_(result)
        return measure(tensors[0], tensors[1], targets[0], _average(row, tensors[2:])) if observe else None


def _count(row: Row) -> Any:
    """Advance the step count and return it as the formula's ``t``."""
    step = row.state.get("step")
    if step is None:
        first, row.fresh = row.fresh, False
        if first and row.repeated:
            for buffer in row.buffers:
                buffer.zero_()
        return 1 if first else 2
    step += 1
    as_tensor = row.group.get("capturable") or step.device.type != "cpu" or torch.compiler.is_compiling()
    return step.clone() if as_tensor else step.item()


def _apply(row: Row, tensors: Sequence[torch.Tensor], numbers: dict[str, Any]) -> list[torch.Tensor]:
    """The rule on ``(w, g, *kept buffers)``; returns ``(w, *kept buffers)``."""
    w, g, *buffers = tensors
    given = iter(buffers)
    elements = (w, g, *(None if name is None else next(given) for name in row.rule.states))
    numbers = {name: _on(value, w) for name, value in numbers.items()}
    return [result for result in row.rule(elements, numbers) if result is not None]


def _on(value: Any, like: torch.Tensor) -> Any:
    """A one-element tensor as a number that broadcasts with ``like``, wherever it lives."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.squeeze() if value.device.type == "cpu" else value.squeeze().to(like.device)


def _advance_sparse(
    row: Row, gradient: torch.Tensor, numbers: dict[str, Any], *, sparse: bool, observe: bool
) -> torch.Tensor | None:
    if not sparse:
        raise ArgumentError(
            f"the gradient of parameter {row.index}, of shape {tuple(row.param.shape)}, is sparse; this method accepts "
            "dense gradients only: use SGD or Adagrad, torch.optim.SparseAdam, or an embedding with sparse=False"
        )
    if row.rule.decay == "coupled":
        raise ArgumentError(
            f"weight_decay: received {row.group['weight_decay']!r} with a sparse gradient (parameter {row.index}); "
            "accepted is 0, since decay would touch every row"
        )
    before = row.param.clone() if observe else None
    earlier = [buffer.clone() for buffer in row.buffers] if observe else []
    if row.rule.average is not None and row.rule.average in row.rule.kept:
        # a running average moves every entry, also those whose gradient is zero
        dense = gradient.to_dense()
        results = _apply(row, [row.param, dense, *row.buffers], numbers)
        for target, result in zip([row.param, *row.buffers], results, strict=True):
            target.copy_(result)
    else:
        gradient = gradient.coalesce()
        where = tuple(gradient.indices())
        targets = [row.param, *row.buffers]
        picked = [x[where] for x in targets]
        results = _apply(row, [picked[0], gradient.values(), *picked[1:]], numbers)
        for target, result in zip(targets, results, strict=True):
            target[where] = result
    return None if before is None else measure(before, gradient.to_dense(), row.param, _average(row, earlier))


def _average(row: Row, buffers: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """Which of the buffers averages gradients."""
    name = row.rule.average
    return buffers[row.rule.kept.index(name)] if name is not None and name in row.rule.kept else None


def measure(
    before: torch.Tensor, gradient: torch.Tensor, after: torch.Tensor, average: torch.Tensor | None
) -> torch.Tensor:
    """The sums of ``sums.Sum`` of one parameter.

    Args:
        before: The weight before the step.
        gradient: Its gradient.
        after: The weight after the step.
        average: The running average of gradients before the step, where the method keeps one.
    """
    with torch.no_grad():
        given = [before, gradient, after, *([] if average is None else [average])]
        w, g, after, *averages = _wide([x.detach().flatten() for x in given])
        m = averages[0] if averages else None
        change = after - w
        on_cpu, largest = g.device.type == "cpu", _largest(g)
        sums = {
            Sum.WEIGHT_SQ: _dot(w, w),
            Sum.GRADIENT_SQ: _dot(g, g),
            Sum.UPDATE_SQ: _dot(change, change),
            Sum.GRADIENT_UPDATE: _dot(g, change),
            Sum.GRADIENT_AVERAGE: torch.nan if m is None else _dot(g, m),
            Sum.AVERAGE_SQ: torch.nan if m is None else _dot(m, m),
            Sum.GRADIENT_MAX: largest,
            Sum.NON_FINITE: 0 if on_cpu and largest < torch.inf else (~g.isfinite()).sum(),
            Sum.ZEROS: g.numel() - g.count_nonzero(),
        }
        values = [sums[column] for column in Sum]
        wide = torch.float32 if g.device.type == "mps" else torch.float64
        if on_cpu:
            return torch.tensor([float(value) for value in values], dtype=wide)
        return torch.stack([torch.as_tensor(value, dtype=wide, device=g.device) for value in values])


def _wide(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """float64 where the device has it; float32 on the CPU stays, where copies would take longer than all sums."""
    device = tensors[0].device.type
    if device == "cpu" and all(x.dtype is torch.float32 for x in tensors):
        return tensors
    return [x.float() if device == "mps" else x.double() for x in tensors]


def _dot(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The scalar product, also where its terms leave the range of float32."""
    product = x.dot(y)
    if x.dtype is torch.float32 and x.device.type == "cpu" and not _TINY < abs(product.item()) < torch.inf:
        return x.double().dot(y.double())
    return product


def _largest(g: torch.Tensor) -> torch.Tensor:
    """The largest magnitude; NaN where there is one."""
    if not g.numel():
        return g.new_zeros(())
    least, most = torch.aminmax(g)
    return torch.maximum(-least, most)
