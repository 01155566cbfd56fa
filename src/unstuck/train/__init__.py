"""Train: any model in one call, or everything from a recipe.

Examples:
    >>> from unstuck.train import Recipe
    >>> Recipe.read("digits").model.name
    'cnn'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unstuck.lazily import imported_when_asked
from unstuck.train.best import BEST_WEIGHTS, Best
from unstuck.train.checkpoint import checkpoint
from unstuck.train.evaluate import evaluate
from unstuck.train.finetune import Loaded, freeze, layer_groups, load_weights, thaw
from unstuck.train.fit import Epoch, Fitted, fit
from unstuck.train.losses import LOSSES
from unstuck.train.optimizer import OPTIMIZERS
from unstuck.train.penalty import Penalty
from unstuck.train.recipe import Recipe, shipped
from unstuck.train.tally import Means, Tally

if TYPE_CHECKING:
    from unstuck.train.outcome import Outcome, outcome_of, outcome_table
    from unstuck.train.path import WeightPath, path_of_files, weight_path
    from unstuck.train.progress import Bar, Lines, Progress, Silent, progress_for
    from unstuck.train.session import Trained, subject_of, train
    from unstuck.train.variants import Variant, read_variants, train_variants

__all__ = [
    "BEST_WEIGHTS",
    "LOSSES",
    "OPTIMIZERS",
    "Bar",
    "Best",
    "Epoch",
    "Fitted",
    "Lines",
    "Loaded",
    "Means",
    "Outcome",
    "Penalty",
    "Progress",
    "Recipe",
    "Silent",
    "Tally",
    "Trained",
    "Variant",
    "WeightPath",
    "checkpoint",
    "evaluate",
    "fit",
    "freeze",
    "layer_groups",
    "load_weights",
    "outcome_of",
    "outcome_table",
    "path_of_files",
    "progress_for",
    "read_variants",
    "shipped",
    "subject_of",
    "thaw",
    "train",
    "train_variants",
    "weight_path",
]

__getattr__ = imported_when_asked(
    __name__,
    {
        **dict.fromkeys(("Outcome", "outcome_of", "outcome_table"), "outcome"),
        **dict.fromkeys(("WeightPath", "path_of_files", "weight_path"), "path"),
        **dict.fromkeys(("Bar", "Lines", "Progress", "Silent", "progress_for"), "progress"),
        **dict.fromkeys(("Trained", "subject_of", "train"), "session"),
        **dict.fromkeys(("Variant", "read_variants", "train_variants"), "variants"),
    },
)
