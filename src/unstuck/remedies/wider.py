"""Hidden layers with more units."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from unstuck.learning.loss_call import loss_calls
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import patched
from unstuck.remedies.remedy import Remedy
from unstuck.rules.model.capacity_too_small import advised_width

__all__ = ["Wider"]

WIDENED: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Linear: ("in_features", "out_features"),
    nn.BatchNorm1d: ("num_features",),
    nn.LayerNorm: ("normalized_shape",),
}
"""The first arguments of layers that are constructed with other widths."""


class Wider(Remedy):
    """Construct hidden layers with more units.

    Changes: ``Linear``, ``BatchNorm1d`` and ``LayerNorm`` that are constructed with one of the widths get ``factor``
    times as many units, and so do the layers that take these.

    Applies: to models of linear layers and norms, some of whose widths stand between two layers and are no number of
    inputs or outputs. Convolutions, recurrent layers, attention and parameters of the script's own have shapes that
    hang together in other ways.

    Proves: too few units.
    """

    name = "wider"
    proves = ("capacity-too-small",)
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """To as many units as advice asks for, then twice as many."""
        widths = _hidden_widths(run)
        if not widths:
            return ()
        matrices = _matrices(run)
        wanted = advised_width(matrices[0][1], _outputs(run, matrices[-1][0]))
        factors = dict.fromkeys((max(2, math.ceil(wanted / min(widths))), 2))
        listed = ",".join(map(str, widths))
        return [Change(remedy=self.name, settings={"widths": listed, "factor": factor}) for factor in factors]

    def words(self, change: Change, run: Run) -> str:
        """``"with hidden layers 2 times as wide"``."""
        return f"with hidden layers {change.number('factor'):.0f} times as wide"

    def obstacle(self, run: Run) -> str | None:
        """Shapes that hang together in other ways than by their widths."""
        if _hidden_widths(run):
            return None
        return "its layers cannot be told apart by their widths, or are of kinds whose shapes hang together otherwise"

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Construct layers with more units."""
        widths = {int(width) for width in str(change.settings["widths"]).split(",")}
        factor = round(change.number("factor") or 2.0)

        def widened(value: Any) -> Any:
            if type(value) is not int or value not in widths:
                return value
            effects.happened(self.name)
            return factor * value

        def around(kind: type[nn.Module], names: tuple[str, ...]) -> Callable[[Function], Function]:
            def of(construct: Function) -> Function:
                def constructed(layer: nn.Module, *args: Any, **kwargs: Any) -> None:
                    if type(layer) is kind:  # a layer inside of attention is a kind of linear one, too
                        args = (*map(widened, args[: len(names)]), *args[len(names) :])
                        kwargs |= {name: widened(kwargs[name]) for name in names if name in kwargs}
                    construct(layer, *args, **kwargs)

                return constructed

            return of

        with ExitStack() as stack:
            for kind, names in WIDENED.items():
                stack.enter_context(patched(kind, "__init__", around(kind, names)))
            yield


def _matrices(run: Run) -> list[tuple[int, int]]:
    """Outputs and inputs of each linear layer, in the order of the model."""
    model = run.fact(facts.Model)
    shapes = [parameter.shape for parameter in model.parameters if parameter.role == "weight"] if model else []
    return [(shape[0], shape[1]) for shape in shapes if len(shape) == 2]


def _outputs(run: Run, last: int) -> int:
    known = [call.output.shape[-1] for call in loss_calls(run) if len(call.output.shape) > 1]
    return max(known, default=last)


def _hidden_widths(run: Run) -> list[int]:
    """Widths between two linear layers that are no width of inputs or outputs; none in a model of other layers."""
    model, matrices = run.fact(facts.Model), _matrices(run)
    if model is None or len(matrices) < 2:
        return []
    owners = {parameter.name.rpartition(".")[0] for parameter in model.parameters}
    kinds = {layer.type for layer in model.layers if layer.path in owners}
    if not kinds <= {kind.__name__ for kind in WIDENED} or any(len(p.shape) > 2 for p in model.parameters):
        return []
    given, made = {inputs for _, inputs in matrices}, {outputs for outputs, _ in matrices}
    ends = {matrices[0][1], matrices[-1][0], _outputs(run, matrices[-1][0])}
    return sorted(given & made - ends)
