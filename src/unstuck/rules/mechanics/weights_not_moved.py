"""T202: the optimizer steps, and no weight moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstuck.learning import optimizer_place, seen_late
from unstuck.record import Evidence, Finding, Run, signals
from unstuck.record.facts import CriticalPoint, Optimizer, Passes
from unstuck.rules.rule import Gate, Rule

__all__ = ["WeightsNotMoved"]

UPDATES = 5
"""Sampled updates below which it may be a coincidence that all of them are zero (our choice)."""


def _sampled(run: Run) -> bool:
    updates = run.table(signals.UPDATE_NORM)
    return len(updates) >= UPDATES and bool(np.isfinite(updates.values).any())


UPDATES_SAMPLED = Gate(f"fewer than {UPDATES} updates were sampled", _sampled)


@dataclass(frozen=True, kw_only=True)
class WeightsNotMoved(Rule):
    """The optimizer steps, and every weight stays bit for bit what it was.

    Detects:
        Updates of exactly zero at all sampled steps: a learning rate of zero, such as that of a warm-up whose schedule
        is never stepped; gradients that are gone when the optimizer steps, such as by zero_grad() between backward()
        and step(); weights that no loss leads to, such as those of another model, or of one whose output is detached.

    Why it matters:
        Nothing is learnt, however long it takes, and no error is raised.

    Evidence:
        The norm of the update of each weight; the rate; the gradients as the optimizer finds them.

    Known false positives:
        None known: a program that steps an optimizer to no effect on purpose does so for single steps.
        Gradients that backward() itself gives as zero are those of a critical point (G301): silent.

    Try:
        zero_grad(), backward(), step(), in this order; a rate above zero; schedule.step() after optimizer.step().

    References:
        PyTorch documentation, "torch.optim", "Taking an optimization step" and "How to adjust learning rate".
    """

    code = "T202"
    name = "weights not moved"
    cause = "parameters-not-optimized"
    needs = (signals.LOSS, signals.UPDATE_NORM)
    applies_to = (UPDATES_SAMPLED,)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        updates = run.table(signals.UPDATE_NORM)
        if np.nanmax(updates.values) > 0:
            return
        rates, gradients = run.table(signals.LEARNING_RATE).values, run.table(signals.GRADIENT_NORM).values
        still = len(rates) > 0 and not np.nan_to_num(rates).any()
        gone = not still and not np.nan_to_num(gradients).any()
        if not still and any(point.gradient == 0.0 for point in run.facts(CriticalPoint)):
            return
        optimizer, passes = run.fact(Optimizer), run.fact(Passes)
        scheduled = still and optimizer is not None and any(group.initial_rate for group in optimizer.groups)
        name = optimizer.type if optimizer else "the optimizer"
        cause = "lr-schedule-wrong" if scheduled else "lr-too-low" if still else self.cause
        if still:
            why = "the learning rate is 0" + (", and the schedule never raises it" if scheduled else "")
            advice = "Step the schedule after each optimizer.step()." if scheduled else "Give the optimizer a rate."
        elif gone and passes is not None and passes.updates and not passes.backward:
            detached = passes.forward > 0
            cause = "graph-detached" if detached else cause
            why = "no loss leads to the weights that it holds" + (", though their model runs" if detached else "")
            advice = (
                "Look between the model's output and the loss for detach(), item(), numpy(), .data, torch.tensor() and "
                "no_grad(): run the model anew for this loss. If the loss is not to come from this model, give the "
                "optimizer the parameters of the one that it is to train."
                if detached
                else "Give it the parameters of the model that the loss is computed with, of that very object."
            )
        elif gone:
            why = "the gradients are gone when it steps"
            advice = (
                "Keep the order zero_grad(), backward(), step(), and see that the optimizer holds the weights that "
                "this loss leads to, not those of another model."
            )
        elif not seen_late(run, updates.steps):
            return
        else:
            why, advice = "its updates are zero", "Look at what the optimizer does with the gradients that it gets."
        yield self.finding(
            f"no weight has moved in {int(run.series(signals.LOSS).steps[-1]) + 1} steps of {name}: {why}",
            advice,
            severity="error",
            confidence=0.95,
            cause=cause,
            where=optimizer_place(run),
            evidence=(
                Evidence(
                    signal="update_norm",
                    value=0.0,
                    threshold=0.0,
                    steps=(int(updates.steps[0]), int(updates.steps[-1])),
                    note=f"of every weight, at {len(updates)} sampled steps",
                ),
            ),
        )
