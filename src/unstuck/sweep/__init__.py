"""Sweep the keys of a recipe: the order of magnitude first, then the fine value, then how sure it is.

Example:
    >>> from unstuck.sweep import read_space
    >>> space = read_space("digits", over=["optimizer.lr=1e-4..1e-1", "optimizer.weight_decay=0, 1e-4..1e-1"])
    >>> [len(axis.coarse) for axis in space.axes]
    [4, 5]
"""

from unstuck.sweep.begin import Begun, begin
from unstuck.sweep.course import Plan
from unstuck.sweep.result import Result
from unstuck.sweep.search import join, sweep
from unstuck.sweep.space import Space, read_space
from unstuck.sweep.strategy import CoarseToFine, Sampled
from unstuck.sweep.study import Study

__all__ = [
    "Begun",
    "CoarseToFine",
    "Plan",
    "Result",
    "Sampled",
    "Space",
    "Study",
    "begin",
    "join",
    "read_space",
    "sweep",
]
