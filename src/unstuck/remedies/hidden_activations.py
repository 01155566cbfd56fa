"""Saturating hidden activations replaced by rectifiers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.activations import SATURATING, SOFTMAXES, Made, Makers, site
from unstuck.remedies.arguments import argument, with_argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_backward, around_modules, calls, in_module, seen
from unstuck.remedies.losses import LOSSES
from unstuck.remedies.remedy import Remedy

__all__ = ["HiddenActivations"]

OPERATIONS = frozenset({"Sigmoid", "Tanh", "Softmax", "Softsign", "Hardsigmoid"})


class HiddenActivations(Remedy):
    """Call a rectifier in place of sigmoid, tanh and softmax in hidden layers.

    Changes: calls within modules, but for the activation that gives the loss its outputs, which is found at the first
    loss, and for a softmax over anything but the features of a table or an image, as in attention. What recurrent
    layers of PyTorch compute inside is not reached.

    Applies: where such an operation was seen between two weights.

    Proves: activations that saturate or compete where gradients vanish.
    """

    name = "hidden-activations"
    proves = ("activation-unsuited",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One."""
        wirings = run.facts(facts.Wiring)
        seen = any(
            OPERATIONS.intersection(connection.operations) for wiring in wirings for connection in wiring.connections
        )
        return (Change(remedy=self.name),) if seen else ()

    def words(self, change: Change, run: Run) -> str:
        """``"with ReLU in the hidden layers"``."""
        return "with ReLU in the hidden layers"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Exchange activations, and give the loss what its own one would have given."""
        makers, outputs, hidden = Makers(), set[Hashable](), set[Hashable]()

        def exchanged(function: Any) -> Callable[[Function, tuple[Any, ...], dict[str, Any]], Any]:
            def exchange(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                place, source = site(), argument(args, kwargs, 0, "input")
                if not in_module() or place in outputs or not _over_features(function, args, kwargs):
                    return run(*args, **kwargs)
                if place in hidden:
                    effects.happened(self.name)
                hidden.add(place)
                result = torch.relu(source)
                makers.note(result, Made(function, source, place, exchanged=run(*args, **kwargs)))
                return result

            return exchange

        def loss(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            output = argument(args, kwargs, 0, "input")
            made = makers.of(output)
            if made is not None and made.exchanged is not None:
                outputs.add(made.site)
                own = makers.replayed(output, made.exchanged)
                if own is not None:
                    args, kwargs = with_argument(args, kwargs, 0, "input", own)
            return run(*args, **kwargs)

        def backward(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            roots = argument(args, kwargs, 0, "tensors")
            last = makers.last(roots if isinstance(roots, Tensor) else next(iter(roots), None))
            if last is not None:
                outputs.add(last.site)
            return run(*args, **kwargs)

        exchanges: dict[Any, Any] = {function: exchanged(function) for function in SATURATING}
        exchanges |= dict.fromkeys(LOSSES.values(), loss)
        with calls(exchanges), around_modules(seen), around_backward(backward):
            yield


def _over_features(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if function not in SOFTMAXES:
        return True
    source, axis = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "dim")
    return source.dim() == 2 or (source.dim() == 4 and axis in (1, -3))
