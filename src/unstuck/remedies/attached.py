"""A branch that was cut off the graph attached to it again."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributions, nn

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.arguments import argument
from unstuck.remedies.change import Change, Setting
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_modules, calls, in_module, outermost, patched
from unstuck.remedies.remedy import Remedy

__all__ = ["Attached"]

DETACHING: tuple[Any, ...] = (Tensor.detach, torch.detach, Tensor.data.__get__)  # pyright: ignore

DRAWN = (
    distributions.Distribution,
    distributions.Normal,
    distributions.Independent,
    distributions.TransformedDistribution,
)
"""Distributions with a ``sample`` of their own that have an ``rsample`` too; all others inherit the first one's."""


class Attached(Remedy):
    """Let gradients pass where the script cuts the graph.

    Changes: ``detach()`` and ``.data`` give back the tensor with its graph, within modules (``where="model"``) or
    anywhere (``where="anywhere"``); modules in training mode run with gradients on although ``no_grad`` is, for
    ``where="model"`` if it is within another one; with ``draws``, ``sample()`` of a distribution draws by ``rsample()``
    where that exists. Within a module, what comes back from NumPy in the shape of what went there hands its gradient
    on as if nothing had been computed there.

    Not made: what goes through ``item()``, or through NumPy outside of modules.

    Applies: where parameters that ran get no gradient, or a cut was seen.

    Proves: a graph that is cut from parameters that should learn.
    """

    name = "attached"
    proves = ("graph-detached",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """Within modules, then anywhere."""
        named = finding is not None and finding.cause in self.proves
        drawn = run.knows(facts.NonDifferentiableSample)
        unreached = any(graph.unreached for graph in run.facts(facts.Graph))
        if not (named or drawn or unreached or run.knows(facts.Detachment)):
            return ()
        places = ("model", "anywhere")
        draws: dict[str, Setting] = {"draws": True} if drawn else {}
        return [Change(remedy=self.name, settings={"where": where, **draws}) for where in places]

    def words(self, change: Change, run: Run) -> str:
        """``"with the graph attached where it was cut"``."""
        where = " within the model" if change.settings["where"] == "model" else ""
        return f"with the graph attached where it was cut{where}"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Hand tensors on with their graph."""
        anywhere = change.settings["where"] == "anywhere"
        given: dict[torch.Size, Tensor] = {}
        entered: list[bool] = []

        def passed(gradient: Tensor) -> None:  # what is cut again behind it, as by NumPy, is not attached
            effects.happened(self.name)

        def detach(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            source = argument(args, kwargs, 0, "input")
            inside = anywhere or in_module()
            if not inside or not torch.is_grad_enabled() or source.grad_fn is None:
                return run(*args, **kwargs)
            attached = source.view_as(source)
            attached.register_hook(passed)
            return attached

        def to_numpy(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if in_module() and args[0].grad_fn is not None:
                given[args[0].shape] = args[0]
            # A tensor that was detached for this purpose has its graph again, which NumPy refuses.
            with torch._C.DisableTorchFunction():  # pyright: ignore
                return run(args[0].detach(), *args[1:], **kwargs)

        def from_numpy(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            result = run(*args, **kwargs)
            source = (
                given.pop(result.shape, None) if isinstance(argument(args, kwargs, 0, "data"), np.ndarray) else None
            )
            if source is None or not result.is_floating_point() or not torch.is_grad_enabled():
                return result
            with torch._C.DisableTorchFunction():  # pyright: ignore
                attached = result + (source - source.detach()).to(result.dtype)
            attached.register_hook(passed)
            return attached

        def module(model: nn.Module, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if outermost(model):
                given.clear()
                entered[:] = [torch.is_grad_enabled()]
            trained = model.training and any(parameter.requires_grad for parameter in model.parameters())
            if torch.is_grad_enabled() or torch.is_inference_mode_enabled() or not trained:
                return run(*args, **kwargs)
            if not (anywhere or entered[-1]):
                return run(*args, **kwargs)
            with torch.enable_grad():
                result = run(*args, **kwargs)
            for part in result if isinstance(result, tuple) else (result,):
                if isinstance(part, Tensor) and part.requires_grad:
                    part.register_hook(passed)
            return result

        exchanges: dict[Any, Any] = dict.fromkeys(DETACHING, detach)
        exchanges |= dict.fromkeys((Tensor.numpy, Tensor.__array__), to_numpy)
        exchanges |= dict.fromkeys((torch.tensor, torch.as_tensor), from_numpy)
        with ExitStack() as stack:
            stack.enter_context(calls(exchanges))
            stack.enter_context(around_modules(module))
            stack.enter_context(  # which no mode is shown
                patched(torch, "from_numpy", lambda run: lambda *args, **kwargs: from_numpy(run, args, kwargs))
            )
            for kind in DRAWN if change.settings.get("draws") else ():
                stack.enter_context(patched(kind, "sample", self._drawing))
            yield

    def _drawing(self, sample: Function) -> Function:
        def drawn(distribution: Any, *args: Any, **kwargs: Any) -> Any:
            if not torch.is_grad_enabled() or not distribution.has_rsample:
                return sample(distribution, *args, **kwargs)
            effects.happened(self.name)
            return distribution.rsample(*args, **kwargs)

        return drawn
