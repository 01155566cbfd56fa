"""G201: a hand-written backward pass that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, NotEvaluated, Run, Severity, Where
from unstuck.record.facts import CustomFunction, Graph
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["GradientWrong"]


@dataclass(frozen=True, kw_only=True)
class GradientWrong(Rule):
    """The backward pass of a custom autograd function does not give the derivative of its forward pass.

    Detects:
        A torch.autograd.Function of the user's whose gradient differs from central differences of its own forward pass,
        at arguments that training gave it.

    Why it matters:
        The optimizer follows a direction that has nothing to do with the loss, or only part to do with it. Training
        often works a little all the same, which hides the fault.

    Evidence:
        The relative error |analytic - numerical| / max(|analytic|, |numerical|) along fixed directions in float64.

    Known false positives:
        Gradients that differ on purpose: those of an identity (a reversal, clipping, scaling) and those that pass
        straight through a step (rounding, the sign, a clamp) are recognised, and silent. Another deliberate one looks
        like a fault; where learning is good, it gets a note.

    Try:
        Derive the backward pass again, and hold it against torch.autograd.gradcheck with float64 inputs; or delete it,
        and let autograd differentiate the forward pass.

    References:
        CS231n, "Neural Networks Part 3: Learning and Evaluation", gradient checks.
    """

    code = "G201"
    name = "wrong gradient"
    cause = "gradient-wrong"
    needs = (Graph,)

    error: float = 1e-2  #: relative error above which the gradient is usually wrong (CS231n, float64)
    gross: float = 0.1  #: relative error that no rounding explains, ten times as much (our choice)

    def check(self, run: Run) -> Iterator[Finding | NotEvaluated]:
        """Judge one stream of a run."""
        functions = {function.name: function for graph in run.facts(Graph) for function in graph.custom_functions}
        if not functions:
            return
        checked = [f for f in functions.values() if f.relative_error is not None or f.identity or f.numerical_zero]
        if not checked:
            yield NotEvaluated(reason=f"the backward pass of {', '.join(functions)} could not be checked numerically")
            return
        wrong = [f for f in checked if (f.relative_error or 0.0) > self.error and not (f.identity or f.numerical_zero)]
        if wrong:
            yield self._report(run, max(wrong, key=lambda function: function.relative_error or 0.0))

    def _report(self, run: Run, function: CustomFunction) -> Finding:
        error = function.relative_error or 0.0
        severity: Severity = "error" if error > self.gross else "warning"
        if outcome_of(run) == "good":
            severity = "note" if error < 1.0 else "warning"
        return self.finding(
            f"the backward pass of {function.name} is wrong: it differs from the numerical gradient by {error:.0%}",
            f"Derive {function.name}.backward again and test it by torch.autograd.gradcheck in float64, or write the "
            "forward pass in plain torch operations and let autograd differentiate it.",
            severity=severity,
            confidence=0.95 if error > self.gross else 0.8,
            where=Where(file=function.file, line=function.line),
            evidence=(
                Evidence(
                    signal="custom_function",
                    value=error,
                    threshold=self.error,
                    note="relative error against central differences in float64, along fixed directions",
                ),
            ),
        )
