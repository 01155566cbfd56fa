"""Weights drawn anew."""

from __future__ import annotations

import math
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unstuck.init import initialize
from unstuck.learning import Learning
from unstuck.observe.torch_hooks.aside import Aside, thread
from unstuck.observe.updates import learnable
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects
from unstuck.remedies.arguments import argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import (
    after_updates,
    around_backward,
    around_modules,
    optimizers_made,
    outermost,
    patched,
)
from unstuck.remedies.remedy import Remedy

__all__ = ["Initialisation"]

SEED = 0

OF_COPIES = ("init-symmetric", "critical-point")
"""Causes that lie in weights that are all the same."""


class Initialisation(Remedy):
    """Draw the weights anew with :func:`unstuck.init.initialize`, before the first step.

    Changes: as each outermost module is first called its layers are drawn by the activation that follows them, those
    too that were all zero or all equal; matrices that no layer of PyTorch's holds are drawn from Xavier's normal
    distribution. Of a script without modules the tensors of an optimizer are drawn when it is made, and those of a
    script without both behind the first backward pass, whose gradients become zero. The generator is one of its own, so
    that the script's random numbers stay what they are.

    With ``only="copies"`` all stays as it is but matrices whose rows, or columns, are all the same.

    Applies: where the weights did not come from an earlier training; where units start as copies, or a training starts
    from a point without a gradient, to such matrices alone.

    Proves: initial weights of the wrong scale, symmetric ones, and a start from which no gradient leads.
    """

    name = "initialisation"
    proves = ("init-scale-wrong", "init-symmetric", "critical-point")
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """The weights that are copies, where a finding is about these; all, unless they are learnt already."""
        model = run.fact(facts.Model)
        if model is None or not model.parameters:
            return ()
        copies = Change(remedy=self.name, settings={"only": "copies"})
        of_copies = (copies,) if finding is not None and finding.cause in OF_COPIES else ()
        if Learning.of(run).pretrained or (of_copies and finding and finding.cause == "critical-point"):
            return of_copies
        matrices = [parameter for parameter in model.parameters if len(parameter.shape) > 1]
        learnt = sum(parameter.fresh is False for parameter in matrices)
        named = finding is not None and finding.cause in self.proves
        # What looks learnt may be drawn by a scheme that nobody knows: such weights are what the rules find.
        worth = matrices and (named or 2 * learnt <= len(matrices))
        return (*of_copies, Change(remedy=self.name)) if worth else of_copies

    def words(self, change: Change, run: Run) -> str:
        """``"with the weights drawn by He's and Xavier's schemes"``."""
        which = "weights that are copies of each other" if change.settings.get("only") else "weights"
        return f"with the {which} drawn anew by He's and Xavier's schemes"

    def obstacle(self, run: Run) -> str | None:
        """None is known."""
        return None

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Draw the weights of each model before its first call, and of an optimizer's own tensors when it is made."""
        met, only_copies = set[int](), "only" in change.settings
        stepped: list[int] = []
        generator = torch.Generator().manual_seed(SEED)

        def draw(module: nn.Module, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if outermost(module) and not stepped and id(module) not in met:
                met.update(id(inner) for inner in module.modules())
                with Aside():
                    drawn = _draw_copies(module, generator)
                    if not only_copies:
                        _draw(module, generator)
                if drawn or not only_copies:
                    effects.happened(self.name)
            return run(*args, **kwargs)

        def draw_tensors(optimizer: Optimizer) -> None:
            for group in optimizer.param_groups:
                for tensor in group["params"]:
                    plain = type(tensor) is Tensor and tensor.dim() > 1 and not stepped
                    if plain and (_are_copies(tensor) or not only_copies):
                        _xavier(tensor, generator)
                        effects.happened(self.name)

        def draw_leaves(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            roots = argument(args, kwargs, 0, "tensors")
            if met or stepped:
                return run(*args, **kwargs)
            stepped.append(0)
            leaves = learnable(roots if isinstance(roots, Tensor) else next(iter(roots)))
            result = run(*args, **kwargs)
            draw_each(leaves)
            for tensor in leaves:
                if tensor.grad is not None:
                    tensor.grad.zero_()
            return result

        def draw_each(leaves: Iterable[Tensor]) -> None:
            for tensor in leaves:
                if tensor.dim() > 1 and (_are_copies(tensor) or not only_copies):
                    _xavier(tensor, generator)
                    effects.happened(self.name)

        def around_grad(run: Function) -> Function:
            def drawn(*args: Any, **kwargs: Any) -> Any:
                gradients, inputs = run(*args, **kwargs), argument(args, kwargs, 1, "inputs")
                if met or stepped or thread.telling:
                    return gradients
                stepped.append(0)
                draw_each([inputs] if isinstance(inputs, Tensor) else list(inputs))
                return tuple(gradient if gradient is None else torch.zeros_like(gradient) for gradient in gradients)

            return drawn

        def made(optimizer: Optimizer) -> None:
            met.add(id(optimizer))
            draw_tensors(optimizer)

        with (
            around_modules(draw),
            optimizers_made(made),
            around_backward(draw_leaves),
            patched(torch.autograd, "grad", around_grad),
            after_updates(lambda optimizer: stepped.append(id(optimizer))),
        ):
            yield


def _draw_copies(model: nn.Module, generator: torch.Generator) -> int:
    """Draw matrices whose units are all the same, zero on purpose for all that is known, and count them."""
    copies = [p for p in model.parameters() if p.dim() > 1 and p.requires_grad and _are_copies(p)]
    for parameter in copies:
        _xavier(parameter, generator)
    return len(copies)


def _are_copies(tensor: Tensor) -> bool:
    units = tensor.flatten(1)
    return bool((units == units[:1]).all()) or bool((units == units[:, :1]).all())


def _draw(model: nn.Module, generator: torch.Generator) -> None:
    """Draw all that layers of PyTorch and of the script's own hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        initialize(model, generator=generator)
    for parameter in _own_matrices(model):
        _xavier(parameter, generator)


def _own_matrices(model: nn.Module) -> Iterator[Tensor]:
    """Matrices of modules that are the script's own, which no layer of PyTorch's holds."""
    for module in model.modules():
        if not type(module).__module__.startswith("torch."):
            for parameter in module.parameters(recurse=False):
                if parameter.dim() > 1 and parameter.requires_grad:
                    yield parameter


def _xavier(tensor: Tensor, generator: torch.Generator) -> None:
    ends = tensor.shape[0] + math.prod(tensor.shape[1:])
    drawn = torch.randn(tensor.shape, generator=generator) * math.sqrt(2.0 / ends)
    tensor.data.copy_(drawn)
