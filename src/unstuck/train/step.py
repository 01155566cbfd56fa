"""One step of a training: forward, backward, update."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck.errors import ArgumentError
from unstuck.optim import LookAheadNesterov
from unstuck.optim.second_order_step import SecondOrderOptimizer
from unstuck.train.losses import LossFunction
from unstuck.train.penalty import Penalty

__all__ = ["Step", "step_of"]

Step = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Of inputs and targets: takes the step, and gives the loss before it, and the outputs."""


def step_of(model: nn.Module, loss: LossFunction, optimizer: Optimizer, penalty: Penalty | None) -> Step:
    """How an optimizer steps: from gradients, taken ahead where it looks ahead, or from the loss and its graph.

    Args:
        model: What gives the outputs.
        loss: Of outputs and targets.
        optimizer: Whose step it is.
        penalty: What is added to a loss that the optimizer differentiates by itself; to gradients it is added by
            :meth:`~unstuck.train.penalty.Penalty.attach`.

    Examples:
        >>> import torch
        >>> from unstuck.optim import Newton
        >>> model = nn.Linear(1, 1)
        >>> step = step_of(model, nn.functional.mse_loss, Newton(model.parameters(), damping=0.0), None)
        >>> x = torch.arange(4.0)[:, None]
        >>> _ = step(x, 3 * x + 1)
        >>> [round(p.item(), 3) for p in model.parameters()]
        [3.0, 1.0]
    """
    if isinstance(optimizer, SecondOrderOptimizer):
        return _with_graph(model, loss, optimizer, penalty)
    return _from_gradients(model, loss, optimizer)


def _from_gradients(model: nn.Module, loss: LossFunction, optimizer: Optimizer) -> Step:
    ahead = optimizer.look_ahead if isinstance(optimizer, LookAheadNesterov) else nullcontext
    clear = _clearing(optimizer)

    def step(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        clear()
        with ahead():
            outputs = model(inputs)
            value = _one_number(loss(outputs, targets))
            value.backward()
        optimizer.step()
        return value, outputs

    return step


def _with_graph(model: nn.Module, loss: LossFunction, optimizer: SecondOrderOptimizer, penalty: Penalty | None) -> Step:
    def step(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        met: list[tuple[Tensor, Tensor]] = []

        def closure() -> tuple[Tensor, Tensor]:
            outputs = model(inputs)
            value = _one_number(loss(outputs, targets))
            met.append((value.detach(), outputs.detach()))
            return (value + penalty(model) if penalty else value), outputs

        optimizer.step(closure)
        return met[0]

    return step


def _one_number(value: Tensor) -> Tensor:
    if value.ndim:
        raise ArgumentError(
            f"loss: gave {tuple(value.shape)} numbers for a batch; one is accepted, the mean: reduction='mean'"
        )
    return value


def _clearing(optimizer: Optimizer) -> Callable[[], None]:
    """What forgets the gradients: ``zero_grad``, without the profiler's mark that takes longer than all of it."""
    if type(optimizer).zero_grad is not Optimizer.zero_grad or "zero_grad" in vars(optimizer):
        return optimizer.zero_grad

    def clear() -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    return clear
