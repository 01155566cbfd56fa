"""A trainer that trains no rate twice: what one method has seen, another reads."""

from __future__ import annotations

from collections.abc import Sequence

from unstuck.find_lr.trainer import Trainer, Trial

__all__ = ["Remembered"]


class Remembered:
    """Remember every training; a shorter one at the same rates is the beginning of a longer one.

    Args:
        trainer: What trains.

    Attributes:
        updates: Updates that were made, forward passes at a rate of zero among them.
        trials: Trainings that were made.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._known: dict[tuple[int, float], Trial] = {}
        self.rate, self.method, self.momentum = trainer.rate, trainer.method, trainer.momentum
        self.bound = trainer.bound
        self.updates = 0
        self.trials = 0

    def train(self, rates: Sequence[float], *, repeat: int = 0) -> Trial:
        """Train, or remember."""
        constant = len(set(rates)) == 1
        key = (repeat, rates[0]) if rates else (repeat, 0.0)
        known = self._known.get(key) if constant else None
        if known is not None and (len(known.losses) >= len(rates) or known.ended or not known.finite):
            ended = known.ended if len(known.losses) < len(rates) else ""
            return Trial(known.rates[: len(rates)], known.losses[: len(rates)], ended)
        self._trainer.bound = self.bound
        trial = self._trainer.train(rates, repeat=repeat)
        self.updates += len(trial.losses)
        self.trials += 1
        if constant:
            self._known[key] = trial
        return trial
