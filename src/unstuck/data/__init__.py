"""Data sets by name or from files of your own, split, scaled and cut into batches, in memory."""

from unstuck.data.augmentation import Augmentation, Augmented, Augmenter
from unstuck.data.batches import Batches
from unstuck.data.catalogue import DATASETS, load
from unstuck.data.contact_sheet import contact_sheet, write_contact_sheet
from unstuck.data.dataset import Dataset, Part, prepare
from unstuck.data.files import FORMATS, Place
from unstuck.data.quick import quick
from unstuck.data.scaling import Scaling
from unstuck.data.select import select
from unstuck.data.source import Source, Task

__all__ = [
    "DATASETS",
    "FORMATS",
    "Augmentation",
    "Augmented",
    "Augmenter",
    "Batches",
    "Dataset",
    "Part",
    "Place",
    "Scaling",
    "Source",
    "Task",
    "contact_sheet",
    "load",
    "prepare",
    "quick",
    "select",
    "write_contact_sheet",
]
