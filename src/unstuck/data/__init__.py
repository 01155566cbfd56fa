"""Data sets by name, split, scaled and cut into batches, in memory."""

from unstuck.data.batches import Batches
from unstuck.data.catalogue import DATASETS, load
from unstuck.data.dataset import Dataset, Part, prepare
from unstuck.data.scaling import Scaling
from unstuck.data.source import Source, Task

__all__ = [
    "DATASETS",
    "Batches",
    "Dataset",
    "Part",
    "Scaling",
    "Source",
    "Task",
    "load",
    "prepare",
]
