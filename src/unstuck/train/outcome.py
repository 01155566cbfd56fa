"""What a training came to, in one row: figures, verdict, and whether that is what the recipe means to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from unstuck.record import Run, Verdict, VerdictKind
from unstuck.rules import judge
from unstuck.train.session import Trained
from unstuck.train.tally import Means
from unstuck.train.variants import Variant

__all__ = ["Outcome", "outcome_of", "outcome_table"]

LEARNS: tuple[VerdictKind, ...] = ("healthy", "improvable")
"""What a training that shows no fault comes out as."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A training and its verdict.

    Attributes:
        variant: What was to be done.
        trained: What became of it.
        verdict: What the rules say.
    """

    variant: Variant
    trained: Trained
    verdict: Verdict

    @property
    def cause(self) -> str:
        """The first cause of severity error or warning, or the kind of the verdict where there is none."""
        return self.verdict.findings[0].cause if self.verdict.kind == "findings" else self.verdict.kind

    @property
    def surprise(self) -> str:
        """How the verdict differs from what the recipe says that it shows; empty where it does not.

        A recipe that ``shows`` a cause expects it as the first finding; any other expects to learn, at least in part.
        """
        wanted, found = self.variant.recipe.shows, self.cause
        expected = (wanted,) if wanted else LEARNS
        return "" if found in expected else f"{found}, expected {expected[0]}"

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain data: the verdict's, with the variant's name, what it shows, and its worth."""
        test = self.trained.test
        return {
            "variant": self.variant.name,
            "shows": self.variant.recipe.shows,
            "surprise": self.surprise,
            "epochs": len(self.trained.epochs),
            "test": None if test is None else {"loss": test.loss, "accuracy": test.accuracy},
            **self.verdict.to_dict(),
        }


def outcome_of(variant: Variant, trained: Trained) -> Outcome:
    """Judge what was trained.

    Raises:
        NotARunError: Its run is gone.
    """
    with Run.open(trained.folder) as run:
        return Outcome(variant=variant, trained=trained, verdict=judge(run))


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    """One row for each training: where it ended, what it is worth, what the rules say."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("variant", overflow="fold")
    for name in ("epochs", "seconds", "loss", "first epoch", "validation", "test"):
        table.add_column(name, justify="right")
    table.add_column("verdict", overflow="fold")
    for outcome in outcomes:
        epochs = outcome.trained.epochs
        verdict = outcome.cause
        told = f"as shown: {verdict}" if outcome.variant.recipe.shows == verdict else verdict
        table.add_row(
            outcome.variant.name,
            str(len(epochs)) + ("" if outcome.trained.reason in ("completed", "early stopping") else "!"),
            f"{outcome.trained.seconds:.1f}",
            f"{epochs[-1].train.loss:.4g}" if epochs else "-",
            _worth(epochs[0].validation) if epochs else "-",
            _worth(_best(outcome)),
            _worth(outcome.trained.test),
            f"surprise: {outcome.surprise}" if outcome.surprise else told,
        )
    return table


def _best(outcome: Outcome) -> Means | None:
    best = outcome.trained.best
    return outcome.trained.epochs[best - 1].validation if best else None


def _worth(means: Means | None) -> str:
    if means is None or not means.examples:
        return "-"
    return f"{means.loss:.4g}" if means.accuracy is None else f"{means.accuracy:.1%}"
