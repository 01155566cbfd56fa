"""T204: most batches go through the model, and only a few are learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Where
from unstuck.record.facts import Graph, Loader, Passes
from unstuck.rules.rule import Gate, Rule

__all__ = ["BatchesLeftOut"]

UPDATES = 3
"""Updates, here epochs, before which nothing is said (our choice)."""


def _counted(run: Run) -> bool:
    passes, loader = run.fact(Passes), max(run.facts(Loader), key=lambda fact: fact.updates, default=None)
    return passes is not None and passes.updates >= UPDATES and loader is not None and loader.batches is not None


COUNTED = Gate("too few updates, or a loader whose batches cannot be counted", _counted)


@dataclass(frozen=True, kw_only=True)
class BatchesLeftOut(Rule):
    """A loader's batches go through the model one after the other, and each update knows but the last of them.

    Detects:
        ``backward()`` and ``step()`` that stand behind the loop over the loader instead of within it, mostly by their
        indentation, so that an epoch makes one update, from the gradient of its last batch; or ``step()`` alone, with
        gradients that each batch clears.

    Why it matters:
        The model learns from one batch in an epoch. The loss falls so slowly that the rate, the model or the data are
        blamed.

    Evidence:
        Batches that entered the model, backward passes, and updates; the forward passes that the loss was made of.

    Known false positives:
        A loss summed over all batches before one backward pass, and gradients accumulated over them, use every batch:
        the first shows in the loss's graph, the second in gradients that are not cleared. Passes whose losses nobody
        uses, such as evaluations with gradients, come beside a loader's updates and not in place of them.

    Try:
        Indent loss.backward() and optimizer.step() into the loop over the batches.

    References:
        PyTorch tutorials, "Training with PyTorch", the training loop.
    """

    code = "T204"
    name = "batches left out"
    cause = "too-few-steps"
    needs = (Passes, Loader)
    applies_to = (COUNTED,)

    batches: int = 3  #: batches of an epoch below which little is lost (our choice)
    through: float = 0.8  #: share of an epoch's batches that enter the model before each update

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        passes, graph = run.fact(Passes), run.fact(Graph)
        loader = max(run.facts(Loader), key=lambda fact: fact.updates, default=None)
        if passes is None or loader is None or loader.batches is None:
            return
        entered = passes.forward / passes.updates
        once_an_epoch = loader.begun >= 0.9 * loader.updates and entered >= self.through * loader.batches
        if not once_an_epoch or loader.batches < self.batches or passes.used > 1:
            return
        used = (passes.backward - passes.lost) / passes.updates
        if used > 1.1:
            return
        cleared = passes.backward > 1.5 * passes.updates
        what = "each clears the gradients of the one before" if cleared else "backward is called once, after the last"
        yield self.finding(
            f"each update comes after {entered:.0f} batches and learns from one: {what}",
            "Indent optimizer.step() into the loop over the batches."
            if cleared
            else "Indent loss.backward() and optimizer.step() into the loop over the batches.",
            severity="error",
            confidence=0.93,
            where=Where(file=graph.file or None, line=graph.line or None) if graph else Where(),
            evidence=(
                Evidence(
                    signal="loader",
                    value=float(loader.updates),
                    threshold=float(loader.updates * loader.batches),
                    note=f"updates, for {loader.begun} times through {loader.batches} batches",
                ),
            ),
        )
