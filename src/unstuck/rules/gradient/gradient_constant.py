"""G205: a term of the loss is made of a gradient without a graph, so that no weight learns from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import ConstantGradient
from unstuck.rules.calls import outcome_of
from unstuck.rules.rule import Rule

__all__ = ["GradientConstant"]


@dataclass(frozen=True, kw_only=True)
class GradientConstant(Rule):
    r"""A penalty on a gradient is added to the loss, and the gradient was taken without a graph.

    Detects:
        ``torch.autograd.grad(..., create_graph=False)`` whose result goes into a number that is added to the loss and
        leads to no weight: a gradient penalty of a critic, an invariance penalty, the equation of a physics-informed
        network if it is made of such gradients alone.

    Why it matters:
        The term shows in the loss and does nothing: its gradient with regard to all weights is zero. A critic without
        its penalty grows without bound, and a network learns the border of an equation without the equation.

    Evidence:
        What is made of the gradient, followed through all functions to the sum that is differentiated, and the graph
        of that term.

    Known false positives:
        A gradient that is added to the loss for the record alone. One that is logged, that makes an adversarial
        example, or that weighs another term is passed over.

    Try:
        ``torch.autograd.grad(out, x, grad_outputs=torch.ones_like(out), create_graph=True)``.

    References:
        Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017; PyTorch documentation,
        torch.autograd.grad.
    """

    code = "G205"
    name = "gradient constant"
    cause = "graph-detached"
    needs = (ConstantGradient,)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        for fact in run.facts(ConstantGradient)[:1]:
            yield self.about(
                fact,
                "a term of the loss is made of a gradient that was taken without a graph: it shows in the loss, and no "
                "weight learns from it",
                "Take the gradient with create_graph=True.",
                value=0.0,
                threshold=1.0,
                note="weights that this term leads to",
                severity="warning" if outcome_of(run) == "good" else "error",
                confidence=0.9,
            )
