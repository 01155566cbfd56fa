"""N203: what stands behind the point of the inputs was cut off, as in a buffer of whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unstuck.record import Finding, Run
from unstuck.record.facts import Shift
from unstuck.rules.rule import Rule

__all__ = ["InputsCut"]


@dataclass(frozen=True, kw_only=True)
class InputsCut(Rule):
    """A network learns from whole numbers, and is asked about others that have a fraction.

    Detects:
        Training inputs that are all whole numbers, where the inputs of passes without gradients are none, and would be
        like those if their fractions were cut off: states that a replay buffer keeps as uint8 or int64.

    Why it matters:
        States between 0 and 1 all become 0. What is learnt does not depend on them, and the policy acts on inputs that
        it has never seen.

    Evidence:
        The share of whole numbers among the values of training batches and of passes without gradients, and the means
        of both, these also without their fractions.

    Known false positives:
        Learning from rounded data on purpose, to be used on exact ones.

    Try:
        ``np.zeros((capacity, size), dtype=np.float32)`` for states that are not pictures of 0 to 255.

    References:
        NumPy documentation, "Assigning values to indexed arrays": a float that is assigned to an array of integers is
        cut off without a warning.
    """

    code = "N203"
    name = "inputs cut"
    cause = "precision-unsuited"
    needs = (Shift,)

    whole: float = 0.999  #: share of whole numbers from which training data hold no others
    fractions: float = 0.5  #: share of whole numbers among those that are asked about, below which they are others
    near: float = 0.2  #: distance of their means without fractions, in deviations (our choice: binary data are beyond)
    fewest: int = 200  #: examples of either side from which it is said (our choice)

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        shift = run.fact(Shift)
        if shift is None or min(shift.trained, shift.evaluated) < self.fewest:
            return
        if shift.whole < self.whole or shift.whole_evaluated >= self.fractions or shift.cut >= self.near:
            return
        yield self.about(
            shift,
            f"all values that the network learns from are whole numbers, and {1 - shift.whole_evaluated:.0%} of those "
            "that it is asked about are not: their fractions were cut off on the way into the training data",
            "Keep inputs in float32: an array of integers cuts off what is assigned to it, such as a replay buffer of "
            "uint8.",
            value=shift.whole,
            threshold=self.whole,
            note=f"share of whole numbers among training values; {shift.whole_evaluated:.2f} of the others",
            severity="error",
            confidence=0.85,
        )
