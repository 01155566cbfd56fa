"""T203: gradients are computed, and no optimizer steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.learning import optimizer_place
from unstuck.record import Evidence, Finding, Run
from unstuck.record.facts import End, Graph, Modes, Optimizer, Passes
from unstuck.rules.rule import Rule

__all__ = ["NeverStepped"]


@dataclass(frozen=True, kw_only=True)
class NeverStepped(Rule):
    """The program calls backward again and again, and ends without a single update.

    Detects:
        Backward passes that reach the parameters of an optimizer whose step() is never called, while no weight changes
        by other means: a forgotten optimizer.step(), one that stands where it is never reached, accumulation over more
        batches than there are, or a GradScaler that skips every update.

    Why it matters:
        Nothing is learnt, however long it takes, and no error is raised.

    Evidence:
        Backward passes and updates; the norms of the weights at the first backward pass and at the end.

    Known false positives:
        Gradients that are taken for their own sake (saliency, attacks, Fisher information) beside an optimizer that is
        not used: silent in evaluation mode, and for fewer backward passes than a training makes.

    Try:
        Call optimizer.step() after backward(), once for each batch or each few.

    References:
        PyTorch documentation, "torch.optim", "Taking an optimization step".
    """

    code = "T203"
    name = "never stepped"
    cause = "parameters-not-optimized"
    needs = (Passes, Optimizer)

    passes: int = 20  #: backward passes below which they may be an experiment (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        passes, optimizer, end, graph = run.fact(Passes), run.fact(Optimizer), run.fact(End), run.fact(Graph)
        if passes is None or optimizer is None or passes.updates or passes.backward < self.passes or not passes.unmoved:
            return
        evaluating = any(modes.phase == "training" and not modes.model_training for modes in run.facts(Modes))
        if evaluating or (end is not None and end.reason != "completed"):
            return
        place = f" (the backward pass is called at {graph.file}:{graph.line})" if graph and graph.file else ""
        yield self.finding(
            f"{passes.backward} backward passes, and no update: {optimizer.type} never steps, so no weight has changed",
            f"Call optimizer.step() after backward(){place}. With a GradScaler, scaler.step(optimizer) and "
            "scaler.update(); with accumulation, step for the last batches too.",
            severity="error",
            confidence=0.93,
            where=optimizer_place(run),
            evidence=(
                Evidence(
                    signal="update_norm",
                    value=0.0,
                    threshold=0.0,
                    note=f"no weight has another norm than before the first of {passes.backward} backward passes",
                ),
            ),
        )
