"""A loss that was thrown, and what left its usual range before."""

from __future__ import annotations

from dataclasses import dataclass, field

from unstuck.record.finding import TrainingName
from unstuck.record.numbers import number

__all__ = ["Departure", "Throw"]


NAMED = 8
"""Examples of a batch that are named."""


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A number that left the range in which it was before, and had not come back when the loss was thrown.

    Attributes:
        what: What it is: ``"largest attention logit"``.
        where: Of which layer or tensor; empty where it is one for all.
        step: The first sampled step at which it was outside.
        value: What it was then.
        usual: Its median before.
        limit: The end of its usual range.
        since: The last sampled step at which it was within.

    Examples:
        >>> str(Departure(what="learning rate", where="", step=300, value=1.0, usual=0.01, limit=0.03))
        'the learning rate, 0.01 until then, was 1 at step 300'
    """

    what: str
    where: str
    step: int
    value: float
    usual: float
    limit: float
    since: int | None = None

    def __str__(self) -> str:
        """It in words."""
        of = f" of {self.where}" if self.where else ""
        between = "" if self.since in (None, self.step - 1) else f" (and within its range at step {self.since:,})"
        return (
            f"the {self.what}{of}, {number(self.usual)} until then, was {number(self.value)} at step "
            f"{self.step:,}{between}"
        )


@dataclass(frozen=True, kw_only=True)
class Throw:
    """A loss far above its level, with what is known of why.

    Attributes:
        step: Updates made before it.
        loss: The highest loss that it was thrown to; infinite where it was not finite.
        level: The median of the losses before.
        returns: Whether it came back.
        departures: What left its usual range before it, the first first.
        looked: The last sampled step before it; None where there is none.
        rows: Rows of what the batch gave to the model or the loss that are out of range, the first of them.
        among: How many rows there are.
        examples: Places of these rows in the data set, where its loader is known.
        batch: Places of all examples of the batch in the data set, where its loader is known.
        training: The training.
    """

    step: int
    loss: float
    level: float
    returns: bool
    departures: tuple[Departure, ...] = ()
    looked: int | None = None
    rows: tuple[int, ...] = ()
    among: int = 0
    examples: tuple[int, ...] = ()
    batch: tuple[int, ...] = ()
    training: TrainingName = field(default_factory=TrainingName)

    @property
    def thrown(self) -> str:
        """What happened, in words."""
        back = "" if self.returns else ", and did not come back"
        return f"at step {self.step:,} the loss was thrown from {number(self.level)} to {number(self.loss)}{back}"

    @property
    def why(self) -> str:
        """What is known of why, in words."""
        if self.departures:
            first, *rest = map(str, self.departures)
            return f"first {first}" + "".join(f"; then {one}" for one in rest) + self._rows()
        if self.looked is None:
            return f"too few steps before it were sampled to know what is usual{self._drawn()}"
        within = f"all that was sampled was within its range at step {self.looked:,}, the last one before it"
        return within + self._drawn()

    def _rows(self) -> str:
        if not self.rows:
            return self._drawn()
        if self.examples and self.among > len(self.batch) > 0:
            return f"; in {_examples(self.examples)}, of {len(self.batch):,} examples of the batch"
        named = ", ".join(map(str, self.rows))
        verb = "is" if len(self.examples) == 1 else "are"
        examples = f", which {verb} {_examples(self.examples)}" if self.examples else ""
        return f"; row{'s' if len(self.rows) > 1 else ''} {named} of {self.among:,} of the batch{examples}"

    def _drawn(self) -> str:
        """The batch, where no row of it is known to be out of range."""
        if not self.batch:
            return ""
        more = f" and {len(self.batch) - NAMED:,} more" if len(self.batch) > NAMED else ""
        return f"; its batch is of {_examples(self.batch[:NAMED])}{more}"


def _examples(places: tuple[int, ...]) -> str:
    return ", ".join(f"dataset[{place}]" for place in places)
