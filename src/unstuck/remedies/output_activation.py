"""The last activation bypassed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from unstuck.learning.loss_call import loss_calls
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.activations import ACTIVATIONS, SOFTMAXES, Made, Makers, site
from unstuck.remedies.arguments import argument, with_argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import around_backward, around_modules, calls, seen
from unstuck.remedies.losses import LOSSES, REGRESSIONS
from unstuck.remedies.remedy import Remedy

__all__ = ["OutputActivation"]

LOGITS = ("cross_entropy", "binary_cross_entropy_with_logits")
"""Losses that apply an activation of their own."""

FITTING = {("nll_loss", "LogSoftmax"), ("kl_div", "LogSoftmax"), ("binary_cross_entropy", "Sigmoid")}


class OutputActivation(Remedy):
    """Give the loss what the last activation was given.

    Changes: before a loss that applies an activation of its own, the loss alone gets the scores, so that predictions
    stay what they are (``at="loss"``); before a loss of numbers the activation hands its argument on, in evaluations
    too (``at="model"``). A softmax over one unit becomes a sigmoid (``becomes="sigmoid"``). What is the last activation
    is seen at the first loss.

    Applies: where the outputs were made by an activation that the loss does not expect, or that cannot give the
    targets.

    Proves: an output activation that is wrong.
    """

    name = "output-activation"
    proves = ("output-activation-wrong",)

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One, by the first loss whose outputs an activation made that does not fit it."""
        named = finding is not None and finding.cause in self.proves
        for call in loss_calls(run):
            output = call.output
            if output.softmax is not None and _over_one_unit(output.softmax):
                return (Change(remedy=self.name, settings={"at": "model", "becomes": "sigmoid"}),)
            made_by = output.operation if output.reach is None else output.reach.operation
            if (call.function, made_by) in FITTING or not (output.reach or made_by in ("Softmax", "Sigmoid")):
                continue
            if call.function in LOGITS:
                return (Change(remedy=self.name, settings={"at": "loss"}),)
            if named or _out_of_reach(call):
                return (Change(remedy=self.name, settings={"at": "model"}),)
        return ()

    def words(self, change: Change, run: Run) -> str:
        """``"with the last softmax bypassed"``."""
        if change.settings.get("becomes") == "sigmoid":
            return "with a sigmoid in place of the softmax over one unit"
        made = next((_name(call.output) for call in loss_calls(run) if _name(call.output)), "activation")
        return f"with the last {made} bypassed"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Follow activations to the loss, and bypass the one that gives it its outputs."""
        bypass = _Bypass(self.name, becomes=str(change.settings.get("becomes", "")))
        at_model = change.settings["at"] == "model"
        exchanges: dict[Any, Any] = {
            function: bypass.activation(function)
            for function in (SOFTMAXES if change.settings.get("becomes") else ACTIVATIONS)
        }
        exchanges |= dict.fromkeys(LOSSES.values(), bypass.loss(remember=at_model))

        def backward(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if at_model:
                bypass.look(argument(args, kwargs, 0, "tensors"))
            return run(*args, **kwargs)

        with calls(exchanges), around_modules(seen), around_backward(backward):
            yield


class _Bypass:
    """The sites whose activation is bypassed."""

    def __init__(self, remedy: str, *, becomes: str) -> None:
        self._remedy = remedy
        self._becomes: Callable[[Any], Any] = torch.sigmoid if becomes == "sigmoid" else lambda value: value
        self._makers = Makers()
        self._sites: set[Hashable] = set()

    def activation(self, function: Any) -> Callable[[Function, tuple[Any, ...], dict[str, Any]], Any]:
        """What is called in place of an activation."""

        def exchange(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            place, source = site(), argument(args, kwargs, 0, "input")
            if place in self._sites:
                effects.happened(self._remedy)
                return self._becomes(source)
            result = run(*args, **kwargs)
            self._makers.note(result, Made(function, source, place))
            return result

        return exchange

    def loss(self, *, remember: bool) -> Callable[[Function, tuple[Any, ...], dict[str, Any]], Any]:
        """What is called in place of a loss; with ``remember`` the activation is bypassed itself from then on."""

        def exchange(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            output = argument(args, kwargs, 0, "input")
            made = self._makers.of(output)
            if made is None:
                return run(*args, **kwargs)
            if remember:
                self._sites.add(made.site)
            scores = self._makers.replayed(output, self._becomes(made.source))
            if scores is not None:
                effects.happened(self._remedy)
                args, kwargs = with_argument(args, kwargs, 0, "input", scores)
            return run(*args, **kwargs)

        return exchange

    def look(self, roots: Any) -> None:
        """Find the last activation before a loss that no function of PyTorch's computed."""
        if not self._sites:
            made = self._makers.last(roots if isinstance(roots, torch.Tensor) else next(iter(roots), None))
            if made is not None:
                self._sites.add(made.site)


def _over_one_unit(softmax: facts.OutputSoftmax) -> bool:
    shape = softmax.shape
    return len(shape) > softmax.axis and shape[softmax.axis] == 1 and max(shape) > 1


def _out_of_reach(call: facts.Loss) -> bool:
    """Whether some target of a loss of numbers is nothing that the activation gives."""
    reach, low, high = call.output.reach, call.target.minimum, call.target.maximum
    if call.function not in REGRESSIONS or reach is None or low is None or high is None:
        return False
    return (reach.lowest is not None and low < reach.lowest) or (reach.highest is not None and high > reach.highest)


def _name(output: facts.LossOutput) -> str:
    return (output.operation if output.reach is None else output.reach.operation).lower()
