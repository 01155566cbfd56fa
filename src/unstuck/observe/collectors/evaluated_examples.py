"""Which examples an evaluation is of: those that are trained on, or others, some of which training may have met."""

from __future__ import annotations

from unstuck.observe.collectors.seen_examples import SeenExamples
from unstuck.observe.user_code.variable_names import calls_of, purpose_of, telling_call
from unstuck.record import facts

__all__ = ["EvaluatedExamples"]

TRAINED_ON = 0.5
"""Share of an evaluation's examples met in training above which it evaluates the training set, if another does not."""

COVERED = 0.9
"""Share of the examples that training is known to have met, above which an evaluation has all of them."""


class EvaluatedExamples:
    """Compare the examples that each place of a program evaluates with those of the training.

    Args:
        identity: The examples met so far.
    """

    def __init__(self, identity: SeenExamples) -> None:
        self._identity = identity

    def trained_on(self, place: str) -> bool:
        """Whether a place evaluates the training set itself.

        It does if training met most of its examples, or of what training is known to have met, by a part of its batches
        perhaps, it has nearly all, and the user's names say so, or another place evaluates fresh
        ones, or its examples are about all that training has: a smaller set that training met is a validation set that
        leaked. Where it has about all that training has and another place has fresh ones, names count for nothing.
        """
        overlap = self._identity.overlap(place)
        if overlap <= TRAINED_ON and self._identity.covered(place) < COVERED:
            return False
        others = [self._identity.overlap(other) for other in self._identity.evaluated if other != place]
        fresh = any(other < overlap - TRAINED_ON / 2 for other in others)
        whole = len(self._identity.evaluated[place]) >= 0.8 * len(self._identity.trained)
        purpose = "" if fresh and whole else purpose_of(place)
        return purpose == "training" or (purpose != "validation" and (fresh or whole))

    def overlap(self) -> facts.Overlap | None:
        """How many examples of the validation places training has met; None where nothing was evaluated."""
        trained = self._identity.trained
        places = [place for place in self._identity.evaluated if not self.trained_on(place)]
        examples: set[float] = set()
        for place in places:
            examples |= self._identity.evaluated[place]
        if not examples or not trained:
            return None
        widest = max(places, key=lambda place: len(self._identity.evaluated[place] & trained))
        call = telling_call(widest) or next(iter(calls_of(widest)), None)
        return facts.Overlap(
            evaluated=len(examples),
            seen_in_training=len(examples & trained),
            trained=len(trained),
            purpose=purpose_of(widest),
            file=None if call is None else call.file,
            line=None if call is None else call.line,
        )

    def windows(self) -> facts.WindowsShared | None:
        """How many windows of the largest validation place lie between two of the training; None where unknown."""
        places = [place for place in self._identity.evaluated if not self.trained_on(place)]
        found = [(self._identity.windows.shared(place, self._identity.learning), place) for place in places]
        known = [(shared, place) for shared, place in found if shared is not None]
        if not known:
            return None
        shared, place = max(known, key=lambda pair: pair[0].evaluated)
        call = telling_call(place) or next(iter(calls_of(place)), None)
        return facts.WindowsShared(
            **vars(shared),
            purpose=purpose_of(place),
            file=None if call is None else call.file,
            line=None if call is None else call.line,
        )
