"""L202: output and target shapes differ and broadcast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Where, signals
from unstuck.record.facts import Broadcast, Loss
from unstuck.rules.calls import UNBOUNDED, call_place, loss_calls
from unstuck.rules.rule import Rule

__all__ = ["LossBroadcast"]

ELEMENTWISE = (*UNBOUNDED, "poisson_nll_loss", "gaussian_nll_loss", "kl_div", "soft_margin_loss")


@dataclass(frozen=True, kw_only=True)
class LossBroadcast(Rule):
    """Each output is compared with the targets of all examples, because shapes differ and PyTorch broadcasts them.

    Detects:
        A loss over elements whose output (N, 1) meets targets (N,), or any pair of shapes that broadcasts to more
        elements than the output has; the same in a formula written by hand, where one side is the model's.

    Why it matters:
        The mean over all N x N pairs is smallest where every output is the mean of all targets: the model learns a
        constant, and nothing fails.

    Evidence:
        Both shapes, what they became, and the line.

    Known false positives:
        A target of one element, or of one row for all examples, is meant to be shared, and passes. Differences of all
        pairs of outputs are recognised: both sides are the model's.

    Try:
        output.squeeze(-1) or target.unsqueeze(-1), and an assert that the shapes are equal.

    References:
        PyTorch documentation, "Broadcasting semantics"; the warning that torch.nn.functional.mse_loss gives.
    """

    code = "L202"
    name = "loss broadcast"
    cause = "loss-broadcast"
    needs = (signals.LOSS,)

    elements: int = 1  #: elements that the broadcast may add to the output: none

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        for call in loss_calls(run):
            shapes = self.broadcast(call)
            if shapes is not None:
                yield self._report(call.output.shape, call.target.shape, shapes, call.function or "", call_place(call))
                return
        for fact in run.facts(Broadcast):
            place = Where(file=fact.file, line=fact.line)
            yield self._report(fact.first, fact.second, fact.result, fact.function, place)
            return
        if not run.knows(Loss) and not run.knows(Broadcast):
            yield NotEvaluated(reason="no loss call was seen")

    def broadcast(self, call: Loss) -> tuple[int, ...] | None:
        """The shape that both become, where it is larger than the output's; None otherwise."""
        output, target = call.output.shape, call.target.shape
        if call.function not in ELEMENTWISE or call.target.type != "real" or output == target or not target:
            return None
        try:
            together = np.broadcast_shapes(output, target)
        except ValueError:
            return None  # the call has failed with a message of its own
        more = int(np.prod(together)) - int(np.prod(output))
        return tuple(together) if more >= self.elements else None

    def _report(
        self, first: tuple[int, ...], second: tuple[int, ...], result: tuple[int, ...], function: str, where: Where
    ) -> Finding:
        return self.finding(
            f"{first} and {second} broadcast to {result} in {function or 'the loss'}: each output is compared with the "
            "targets of other examples",
            "Make the shapes equal: output.squeeze(-1), or target.unsqueeze(-1) (target.view_as(output)).",
            severity="error",
            confidence=0.95,
            where=where,
            evidence=(
                Evidence(
                    signal="broadcast",
                    value=float(np.prod(result)),
                    threshold=float(max(np.prod(first), np.prod(second))),
                    note=f"elements that the mean is taken over: {first} against {second}",
                ),
            ),
        )
