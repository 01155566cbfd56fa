"""Trainers whose best rate is known by hand."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from unstuck.find_lr.trainer import Trial, grew


@dataclass
class Bowl:
    r"""Descent on :math:`L = L_0 + \lambda w^2 / 2` from :math:`w = 1`: best at 1 / λ, stable up to 2 / λ."""

    curvature: float = 10.0
    floor: float = 1.0
    noise: float = 0.0
    rate: float = 0.01
    method: str = "SGD"
    momentum: float = 0.0
    bound: float = math.inf
    updates: int = 0

    def train(self, rates: Sequence[float], *, repeat: int = 0) -> Trial:
        weight, losses = 1.0, []
        for k, rate in enumerate(rates):
            batch = self.noise * math.sin(12.9898 * (k + 1) + 78.233 * repeat)
            losses.append(self.floor + batch + self.curvature * weight**2 / 2)
            self.updates += 1
            if not math.isfinite(losses[-1]) or losses[-1] > 1e30:
                losses[-1] = math.inf
                break
            if rate and losses[-1] > self.bound:
                return Trial(tuple(rates[: len(losses)]), tuple(losses), grew(losses[-1]))
            weight -= rate * self.curvature * weight
        return Trial(tuple(rates[: len(losses)]), tuple(losses))


@dataclass
class Deaf(Bowl):
    """A loss that hears nothing of the rate: it moves with the batches alone."""

    noise: float = 0.1

    def train(self, rates: Sequence[float], *, repeat: int = 0) -> Trial:
        losses = [1.0 + self.noise * math.sin(12.9898 * (k + 1) + 78.233 * repeat) for k in range(len(rates))]
        return Trial(tuple(rates), tuple(losses))
