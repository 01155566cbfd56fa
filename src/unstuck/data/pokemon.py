"""Combat power of ten Pokemon before and after they evolve: a line that plain gradient descent cannot fit."""

from __future__ import annotations

import numpy as np

from unstuck.data.source import Source

__all__ = ["pokemon"]

BEFORE = (338, 333, 328, 207, 226, 25, 179, 60, 208, 606)
AFTER = (640, 633, 619, 393, 428, 27, 193, 66, 226, 1591)


def pokemon() -> Source:
    """Ten points (x, y). The Hessian of their squared error has condition number 313,418 on the raw values.

    All ten are for training: the set is too small to hold any out.

    Source: H. Lee, "Machine Learning" (National Taiwan University), lecture on regression.
    """
    return Source(
        name="pokemon",
        task="regression",
        inputs=np.array(BEFORE, dtype=np.float64).reshape(-1, 1),
        targets=np.array(AFTER, dtype=np.float64),
        validation=0.0,
        test=0.0,
    )
