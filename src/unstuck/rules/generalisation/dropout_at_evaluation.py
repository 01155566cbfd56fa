"""R302: a dropout that drops values in evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import FunctionalDropout
from unstuck.rules.gates import EVALUATED, MEASURED
from unstuck.rules.rule import Rule

__all__ = ["DropoutAtEvaluation"]


@dataclass(frozen=True, kw_only=True)
class DropoutAtEvaluation(Rule):
    """A dropout that is a function, or made in the forward pass, goes on dropping values in evaluations.

    Detects:
        A call such as F.dropout(x, p), whose argument training is True by default, an attention with dropout_p, or a
        dropout module made within forward, that drops values in every evaluation: although its module is in evaluation
        mode, or because the model never is.

    Why it matters:
        eval() reaches registered modules only. What is measured is a network with a random part of its values missing:
        too pessimistic, and another number each time.

    Evidence:
        The calls in evaluations, and in which mode their module was.

    Known false positives:
        Dropout at evaluation on purpose (Monte Carlo dropout) is passed over where the call itself says True, and where
        some evaluations are made without. Passes without gradients that nothing is measured by do not count.

    Try:
        F.dropout(x, p, training=self.training), or nn.Dropout(p) made in __init__; dropout_p=self.p if self.training
        else 0.0; model.eval() before each evaluation.

    References:
        PyTorch documentation, torch.nn.functional.dropout and scaled_dot_product_attention; Gal and Ghahramani,
        "Dropout as a Bayesian approximation", ICML 2016.
    """

    code = "R302"
    name = "dropout at evaluation"
    cause = "mode-wrong"
    needs = (FunctionalDropout,)
    applies_to = (EVALUATED, MEASURED)

    calls: int = 1  #: calls in evaluation from which on it counts: whether it drops is certain from one (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        latest = {(fact.file, fact.line): fact for fact in run.facts(FunctionalDropout)}
        wrong = [
            fact for fact in latest.values() if not fact.idle and not fact.told and self._calls(fact) >= self.calls
        ]
        if not wrong:
            return
        worst = max(wrong, key=lambda fact: fact.at_work_in_evaluation)
        count = self._calls(worst)
        attention = worst.function == "scaled_dot_product_attention"
        if worst.at_work_in_evaluation:
            summary = f"{worst.function} drops values in evaluations too: the mode of the module does not reach it"
            advice = (
                "Pass dropout_p=self.dropout if self.training else 0.0."
                if attention
                else "Pass training=self.training to it, or make an nn.Dropout in __init__ and call that."
            )
        else:
            summary = f"evaluations are made in training mode: {worst.function} drops values in them"
            advice = "Call model.eval() before each evaluation, and model.train() after it."
        yield self.about(
            worst,
            summary,
            advice,
            value=float(count),
            threshold=float(self.calls),
            note="calls in evaluations that dropped values, where none did not",
            severity="warning",
            confidence=0.9,
        )

    @staticmethod
    def _calls(fact: FunctionalDropout) -> int:
        return fact.at_work_in_evaluation + fact.at_work_in_training
