"""The loss replaced by the one that fits what it is given."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from unstuck.learning.loss_call import loss_calls
from unstuck.record import Finding, Run, facts
from unstuck.remedies import effects, obstacles
from unstuck.remedies.activations import SIGMOIDS, SOFTMAXES, Made, Makers
from unstuck.remedies.arguments import argument
from unstuck.remedies.change import Change
from unstuck.remedies.interventions import Run as Function
from unstuck.remedies.interventions import calls
from unstuck.remedies.losses import BINARY, LOSSES, REGRESSIONS
from unstuck.remedies.remedy import Remedy

__all__ = ["LossReplaced"]

LOGARITHMS: tuple[Any, ...] = (torch.log, Tensor.log)

ROUNDING = 1e-3
"""How far beyond 0 and 1 a probability, or the sum of some, may lie."""

KEPT = ("reduction", "weight", "ignore_index", "label_smoothing")


class LossReplaced(Remedy):
    """Compute another loss of the same outputs and targets.

    Changes: calls of the loss function ``given`` become calls of ``loss``. Where a softmax, a sigmoid or the logarithm
    of one made the outputs, a loss that applies it itself gets what that was given.

    Applies: where outputs and targets show that another task is set: scores in ``nll_loss``, scores or values out of
    range in ``binary_cross_entropy``, real targets or one output in ``cross_entropy``, one-hot targets in a squared
    error or a binary loss; and where the logarithm of probabilities may be infinite.

    Not made: class numbers as targets of one output, for which the model would have to have more of them; a loss that
    the script writes out.

    Proves: a loss for another task, an activation that it misses, a formula that is unstable.
    """

    name = "loss-replaced"
    proves = ("loss-wrong", "output-activation-wrong", "loss-unstable")
    decides = False

    def candidates(self, run: Run, finding: Finding | None) -> Sequence[Change]:
        """One for each loss that is called and does not fit."""
        found: list[Change] = []
        for call in loss_calls(run):
            better = _better(call)
            function = call.function or ""
            if better is not None and function in LOSSES:
                found.append(Change(remedy=self.name, settings={"given": function, "loss": better}))
        return list(dict.fromkeys(found))

    def words(self, change: Change, run: Run) -> str:
        """``"with cross_entropy in place of mse_loss"``."""
        return f"with {change.settings['loss']} in place of {change.settings['given']}"

    def obstacle(self, run: Run) -> str | None:
        """Calls in compiled code are not reached."""
        return obstacles.compiled(run)

    @contextmanager
    def make(self, change: Change) -> Generator[None]:
        """Call the other loss."""
        makers, wanted = Makers(), str(change.settings["loss"])
        takes_scores = wanted in ("cross_entropy", "binary_cross_entropy_with_logits")

        def note(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            source, result = argument(args, kwargs, 0, "input"), run(*args, **kwargs)
            known = makers.of(source)
            makers.note(result, Made(run, source if known is None else known.source, None))
            return result

        def logarithm(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            known = makers.of(argument(args, kwargs, 0, "input"))
            return run(*args, **kwargs) if known is None else note(run, args, kwargs)

        def exchange(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            effects.happened(self.name)
            output, target = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "target")
            made = makers.of(output) if takes_scores else None
            if made is not None:
                scores = makers.replayed(output, made.source)
                output = output if scores is None else scores
            named = {name: value for name, value in kwargs.items() if name in KEPT and _takes(wanted, name)}
            return LOSSES[wanted](output, _target(wanted, output, target), **named)

        exchanges: dict[Any, Any] = dict.fromkeys((*SOFTMAXES, *SIGMOIDS), note)
        exchanges |= dict.fromkeys(LOGARITHMS, logarithm)
        exchanges[LOSSES[str(change.settings["given"])]] = exchange
        with calls(exchanges):
            yield


def _takes(loss: str, name: str) -> bool:
    return name == "reduction" or loss == "cross_entropy"


def _target(loss: str, output: Tensor, target: Tensor) -> Tensor:
    """The targets as a loss expects them."""
    if loss == "cross_entropy":
        same = target.shape == output.shape and target.is_floating_point()
        return target if same else target.long().reshape(output.shape[:1] + output.shape[2:])
    return target.to(output.dtype).reshape(output.shape)


def _better(call: facts.Loss) -> str | None:
    """The loss that fits; None where the present one does, or no other can be called."""
    function, output = call.function, call.output
    if function == "nll_loss" and output.operation != "LogSoftmax":
        return "cross_entropy"
    if function == "binary_cross_entropy" and not _one_hot(call):
        outside = output.minimum is not None and output.minimum < -ROUNDING
        above = output.maximum is not None and output.maximum > 1.0 + ROUNDING
        return "binary_cross_entropy_with_logits" if outside or above else None
    if function == "cross_entropy":
        return _for_entropy(call)
    squared = function in REGRESSIONS and output.operation in ("Softmax", "Sigmoid")
    return "cross_entropy" if (squared or function in BINARY) and _one_hot(call) else None


def _for_entropy(call: facts.Loss) -> str | None:
    """What fits where cross-entropy is given one output, or real targets that are no distributions."""
    low, high, sums = call.target.minimum, call.target.maximum, call.target.row_sums
    if low is None or high is None or len(call.output.shape) < 2:
        return None
    within = low >= -ROUNDING and high <= 1.0 + ROUNDING
    one = call.output.shape[1] == 1
    no_distribution = sums is not None and (sums[0] < 1.0 - ROUNDING or sums[1] > 1.0 + ROUNDING)
    if not one and (call.target.type != "real" or (within and not no_distribution)):
        return None
    return "binary_cross_entropy_with_logits" if within else "mse_loss"


def _one_hot(call: facts.Loss) -> bool:
    target, shape = call.target, call.output.shape
    zero_one = target.integers and target.minimum == 0.0 and target.maximum == 1.0
    return bool(zero_one and target.row_sums == (1.0, 1.0) and len(shape) == 2 and shape[1] > 2)
