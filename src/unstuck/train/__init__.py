"""Train: any model in one call, or everything from a recipe.

Examples:
    >>> from unstuck.train import Recipe
    >>> Recipe.read("digits").model.name
    'cnn'
"""

from unstuck.train.best import Best
from unstuck.train.checkpoint import checkpoint
from unstuck.train.evaluate import evaluate
from unstuck.train.finetune import Loaded, freeze, layer_groups, load_weights, thaw
from unstuck.train.fit import Epoch, Fitted, fit
from unstuck.train.losses import LOSSES
from unstuck.train.optimizer import OPTIMIZERS
from unstuck.train.outcome import Outcome, outcome_of, outcome_table
from unstuck.train.path import WeightPath, path_of_files, weight_path
from unstuck.train.penalty import Penalty
from unstuck.train.progress import Bar, Lines, Progress, Silent, progress_for
from unstuck.train.recipe import Recipe, shipped
from unstuck.train.session import BEST_WEIGHTS, Trained, subject_of, train
from unstuck.train.tally import Means, Tally
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
