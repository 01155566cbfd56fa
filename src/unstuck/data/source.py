"""What a data set is before it is checked, split and scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Source", "Task"]

Task = Literal["classification", "regression"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """All examples of a data set, raw.

    Attributes:
        name: Its name.
        task: classification, with class ids as targets, or regression, with real numbers.
        inputs: One row an example: (N, F) for a table, (N, C, H, W) for images, of any type of real number; (N, T)
            whole numbers for a sequence of symbols.
        targets: (N,) class ids 0 to C - 1, or (N,) or (N, K) real numbers; (N, T) class ids, one for each place of a
            sequence.
        labels: A name for each class; gives the number of classes where it is known beforehand.
        ordered: Whether examples follow each other in time: the parts are then cut in order, the last is for testing.
        given_validation: How many examples their makers set apart to steer training by: those just before the ones for
            testing. Then no share is drawn.
        given_test: How many examples, the last ones, their makers set apart for testing; no share is drawn then.
        fingerprint: SHA-256 of what was read, where it may differ from one machine to another.
        validation: Share held out to steer training, unless the user says otherwise.
        test: Share held out to the end, unless the user says otherwise.
    """

    name: str
    task: Task
    inputs: NDArray[Any]
    targets: NDArray[np.generic]
    labels: tuple[str, ...] = ()
    ordered: bool = False
    given_validation: int = 0
    given_test: int = 0
    fingerprint: str = ""
    validation: float = 0.15
    test: float = 0.15

    @property
    def symbolic(self) -> bool:
        """Whether it is made of sequences of symbols, with a class for each place, rather than of measurements."""
        return self.ordered and self.task == "classification" and self.targets.ndim == 2
