"""What a data set is before it is checked, split and scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
        inputs: One row an example: (N, F) for a table, (N, C, H, W) for images.
        targets: (N,) class ids 0 to C - 1, or (N,) or (N, K) real numbers.
        labels: A name for each class; gives the number of classes where it is known beforehand.
        validation: Share held out to steer training, unless the user says otherwise.
        test: Share held out to the end, unless the user says otherwise.
    """

    name: str
    task: Task
    inputs: NDArray[np.float64]
    targets: NDArray[np.generic]
    labels: tuple[str, ...] = ()
    validation: float = 0.15
    test: float = 0.15
