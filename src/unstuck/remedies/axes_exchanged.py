"""Axes exchanged where the script renames them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from unstuck.observe.collectors.axis_calls import RESHAPES
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.arguments import temporarily
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_modules, calls
from unstuck.remedies.remedy import Remedy

__all__ = ["AxesExchanged"]


class AxesExchanged(Remedy):
    """Exchange axes where a view renames them, or a recurrent layer takes examples for time.

    Changes: a ``view`` or ``reshape`` to the shape with two axes exchanged becomes that exchange (``of="views"``), also
    where the axes were joined in the one order and are split in the other, or where the first two are exchanged and all
    but the first joined; recurrent and attention layers run with ``batch_first=True`` (``of="layers"``).

    Applies: where such a view was seen, or such a layer was given a batch.

    Proves: examples of a batch that are mixed, and axes that are taken for one another.
    """

    name = "axes-exchanged"
    proves = ("batch-mixing", "wrong-axis")
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """Of views, of layers."""
        named = finding is not None and finding.cause == "batch-mixing"
        of: list[str] = ["views"] if named or run.knows(facts.Reinterpretation) else []
        if any(not fact.batch_first for fact in run.facts(facts.Recurrence)):
            of.append("layers")
        return [Change(remedy=self.name, settings={"of": what}) for what in of]

    def words(self, change: Change, run: Run) -> str:
        """``"with the axes transposed in place of the view"``."""
        if change.settings["of"] == "layers":
            return "with batch_first=True in recurrent and attention layers"
        return "with the axes transposed where a view renames them"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Exchange views, or the arrangement of layers."""
        of_layers = change.settings["of"] == "layers"

        joined = set[tuple[int, int]]()

        def renamed(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            result = run(*args, **kwargs)
            exchanged = None if of_layers or not args else _exchanged(args[0], result, joined)
            if exchanged is None:
                return result
            effects.happened(self.name)
            return exchanged

        def layer(module: nn.Module, run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            sequential = isinstance(module, nn.RNNBase | nn.MultiheadAttention)
            if not of_layers or not sequential or module.batch_first:
                return run(*args, **kwargs)
            effects.happened(self.name)
            with temporarily(module, batch_first=True):
                return run(*args, **kwargs)

        with calls(dict.fromkeys(RESHAPES, renamed)), around_modules(layer):
            yield


def _exchanged(before: Any, after: Any, joined: set[tuple[int, int]]) -> Tensor | None:
    """What was meant by a view that renames axes; None where it does not.

    Args:
        before: The tensor.
        after: The view of it.
        joined: Lengths of first axes that views have joined so far; those of this one are added.
    """
    if not (isinstance(before, Tensor) and isinstance(after, Tensor)):
        return None
    given, found = tuple(before.shape), tuple(after.shape)
    if len(given) > 1 and found == (given[0] * given[1], *given[2:]):
        joined.add((given[0], given[1]))
    if len(given) == len(found):
        axes = _crosswise(given, found)
        return None if axes is None else before.transpose(*axes)
    if len(found) > 1 and len(given) + 1 == len(found) and (found[1], found[0]) in joined and found[0] != found[1]:
        return before.reshape(found[1], found[0], *found[2:]).transpose(0, 1)
    exchanged = len(given) > 2 and len(found) == 2 and given[1] == found[0] != given[0]
    return before.transpose(0, 1).reshape(found) if exchanged else None


def _crosswise(before: tuple[int, ...], after: tuple[int, ...]) -> tuple[int, int] | None:
    """The two axes that change places between shapes; None where these differ otherwise, or not at all."""
    differ = [axis for axis in range(len(before)) if before[axis] != after[axis]]
    if len(differ) != 2 or min(before[axis] for axis in differ) == 1:
        return None
    first, second = differ
    return (first, second) if (before[first], before[second]) == (after[second], after[first]) else None
