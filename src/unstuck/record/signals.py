"""Every signal that a run can hold, each listed once.

A signal is a number, or one number for each parameter tensor, layer, parameter group, attention head or expert, taken
at a training step.
Step ``t`` counts completed optimizer updates: the samples of step 0 belong to the first forward and backward pass and
to the first update. The samples of an evaluation carry the number of updates made before it.

Examples:
    >>> from unstuck.record import signals
    >>> signals.LOSS.unit
    'loss'
    >>> signals.BY_KEY["update_ratio"].index.value
    'parameter'
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["BY_KEY", "HISTOGRAM_BINS", "Cost", "Index", "Signal"]

HISTOGRAM_BINS = 32
"""Bins of a histogram, equally wide between the smallest and the largest value of its sample."""


class Index(Enum):
    """What the entries of one sample stand for."""

    RUN = "run"  #: one number a step
    GROUP = "group"  #: one number for each parameter group of the optimizer
    PARAMETER = "parameter"  #: one number for each parameter tensor
    LAYER = "layer"  #: one number for each leaf module of the model
    HEAD = "head"  #: one number for each head of each attention, ``"blocks.0.attention#3"``
    EXPERT = "expert"  #: one number for each expert of each router, ``"blocks.0.gate#3"``


class Cost(Enum):
    """What taking one sample costs."""

    FREE = "free"  #: a by-product of what the training computes anyway
    CHEAP = "cheap"  #: one pass over the values, on sampled steps only
    DEAR = "dear"  #: an extra forward or backward pass, or more


@dataclass(frozen=True, kw_only=True, eq=False)  # each is listed once: compared by identity, which costs nothing
class Signal:
    """One kind of measurement.

    Attributes:
        key: The name under which samples are stored.
        unit: The unit of its values.
        index: What the entries of a sample stand for.
        cost: What a sample costs.
        missing: What it means that a run, or one entry of a sample, does not have it.
        bins: Values for each entry: 1, or the bins of a histogram.
    """

    key: str
    unit: str
    index: Index
    cost: Cost
    missing: str
    bins: int = 1


def _run(key: str, unit: str, cost: Cost, missing: str) -> Signal:
    return Signal(key=key, unit=unit, index=Index.RUN, cost=cost, missing=missing)


def _parameter(key: str, unit: str, missing: str, cost: Cost = Cost.CHEAP) -> Signal:
    return Signal(key=key, unit=unit, index=Index.PARAMETER, cost=cost, missing=missing)


def _layer(key: str, unit: str, missing: str, bins: int = 1) -> Signal:
    return Signal(key=key, unit=unit, index=Index.LAYER, cost=Cost.CHEAP, missing=missing, bins=bins)


def _head(key: str, unit: str) -> Signal:
    missing = "no attention was seen: products of queries and keys under a softmax, in code that is not compiled"
    return Signal(key=key, unit=unit, index=Index.HEAD, cost=Cost.CHEAP, missing=missing)


_NO_GRADIENT = "the parameter had no gradient at a sampled step"
_NOT_RUN = "the layer did not run, or gave no floating-point tensor"

# The training step.
LOSS = _run("loss", "loss", Cost.FREE, "no backward pass was seen")
BATCH_SIZE = _run("batch_size", "examples", Cost.FREE, "the model took no tensor")
STEP_SECONDS = _run("step_seconds", "s", Cost.FREE, "no optimizer step was seen")
ACCURACY = _run("accuracy", "share", Cost.CHEAP, "targets are no classes, or the loss call was not seen")
LEARNING_RATE = Signal(
    key="learning_rate", unit="rate", index=Index.GROUP, cost=Cost.FREE, missing="the optimizer has no lr"
)

# Gradients, weights and updates.
GRADIENT_NORM = _parameter("gradient_norm", "loss/weight", _NO_GRADIENT)
GRADIENT_MAX = _parameter("gradient_max", "loss/weight", _NO_GRADIENT)
GRADIENT_ZEROS = _parameter("gradient_zeros", "share", _NO_GRADIENT)
GRADIENT_NONFINITE = _parameter("gradient_nonfinite", "count", _NO_GRADIENT)
WEIGHT_NORM = _parameter("weight_norm", "weight", "no sampled step had the parameter")
WEIGHT_NONFINITE = _parameter("weight_nonfinite", "count", "no sampled step had the parameter")
UPDATE_NORM = _parameter("update_norm", "weight", "no sampled step had an update")
UPDATE_RATIO = _parameter("update_ratio", "1", "no sampled step had an update of weights that are not all zero")
#: entries of half-precision weights that a gradient asks to move, and that the update leaves as they were
UPDATE_LOST = _run("update_lost", "share", Cost.CHEAP, "no weight is of half precision")
UPDATE_LOST_OF = _parameter("update_lost_of", "share", "the weight is not of half precision")
#: -1 is steepest descent; above 0 the update climbs the loss
UPDATE_GRADIENT_COSINE = _parameter("update_gradient_cosine", "1", "no sampled step had a gradient and an update")
#: of successive gradients; below 0, steps bounce between walls
GRADIENT_COSINE = _run("gradient_cosine", "1", Cost.CHEAP, "no two successive steps were sampled")

#: norm left in .grad before the step's first backward pass
GRADIENT_CARRIED = _run("gradient_carried", "1", Cost.CHEAP, "no backward pass before an update was sampled")

#: 0: all units of the weight are copies of each other
UNIT_SPREAD = _parameter("unit_spread", "1", "no weight of several units was sampled")

#: ||BA|| / ||W|| of a low-rank adapter BA of a frozen weight W, by the factor that begins at zero; before its scale
ADAPTER_SIZE = _parameter("adapter_size", "1", "no low-rank adapter was seen, or its weights are spread")

# Activations, by layer.
ACTIVATION_MEAN = _layer("activation_mean", "activation", _NOT_RUN)
ACTIVATION_STD = _layer("activation_std", "activation", _NOT_RUN)
ACTIVATION_MIN = _layer("activation_min", "activation", _NOT_RUN)
ACTIVATION_MAX = _layer("activation_max", "activation", _NOT_RUN)
ACTIVATION_ZEROS = _layer("activation_zeros", "share", _NOT_RUN)
ACTIVATION_SATURATED = _layer("activation_saturated", "share", "the layer has no bounded activation")
ACTIVATION_NONFINITE = _layer("activation_nonfinite", "count", _NOT_RUN)
DEAD_UNITS = _layer("dead_units", "share", "no rectifier was seen over enough batches")
ACTIVATION_HISTOGRAM = _layer("activation_histogram", "count", _NOT_RUN, bins=HISTOGRAM_BINS)

#: directions that activations vary in: (tr C)^2 / tr C^2 of their covariance C, over positions of the batch
EFFECTIVE_RANK = _layer("effective_rank", "directions", "the layer gave no matrix of activations")

# Attention, by head, of some rows of some examples; experts, by router; the partition function of the output.
#: before the softmax, of keys that are not masked
ATTENTION_LOGIT = _head("attention_logit", "logit")
#: as a share of its largest value: 1 is uniform over the keys that are not masked, 0 rests on a single one
ATTENTION_ENTROPY = _head("attention_entropy", "share")
#: choices that fell on the expert; of a soft mixture its mean weight
EXPERT_LOAD = Signal(
    key="expert_load",
    unit="share",
    index=Index.EXPERT,
    cost=Cost.CHEAP,
    missing="no router was seen: a choice among as many experts as the module holds, in code that is not compiled",
)
#: mean of ln sum exp of the logits
LOG_PARTITION = _run("log_partition", "nat", Cost.CHEAP, "no cross-entropy over classes was seen")

#: value of the step's only loss call, the mean over what it returned
LOSS_CALL = _run("loss_call", "loss", Cost.CHEAP, "no step had exactly one loss call")

# The data as the model sees them.
INPUT_MEAN = _run("input_mean", "input", Cost.CHEAP, "the model took no floating-point tensor")
INPUT_STD = _run("input_std", "input", Cost.CHEAP, "the model took no floating-point tensor")
INPUT_NONFINITE = _run("input_nonfinite", "count", Cost.CHEAP, "the model took no floating-point tensor")
TARGET_MEAN = _run("target_mean", "target", Cost.CHEAP, "the loss call was not seen")
TARGET_STD = _run("target_std", "target", Cost.CHEAP, "the loss call was not seen")

#: neighbours of equal class
TARGET_REPEATS = _run("target_repeats", "share", Cost.CHEAP, "targets are not class ids")
#: share of the batch's most frequent class
TARGET_TOP = _run("target_top", "share", Cost.CHEAP, "targets are not class ids")
#: correlation of neighbours in the batch
TARGET_AUTOCORRELATION = _run("target_autocorrelation", "1", Cost.CHEAP, "targets are not real numbers")
#: share of the batch's examples that earlier samples met
BATCH_SEEN_BEFORE = _run("batch_seen_before", "share", Cost.CHEAP, "no batch was sampled")

# The model's outputs, as the loss receives them.
OUTPUT_MEAN = _run("output_mean", "output", Cost.CHEAP, "the loss call was not seen")
OUTPUT_STD = _run("output_std", "output", Cost.CHEAP, "the loss call was not seen")
#: deviation between examples
OUTPUT_SPREAD = _run("output_spread", "output", Cost.CHEAP, "the loss call was not seen")
#: share of the most frequent predicted class
PREDICTION_TOP = _run("prediction_top", "share", Cost.CHEAP, "targets are not class ids")

# Evaluations, with the number of updates made before them.
TRAIN_LOSS = _run("train_loss", "loss", Cost.FREE, "no mean over an epoch was taken")
TRAIN_ACCURACY = _run("train_accuracy", "share", Cost.FREE, "no mean over an epoch was taken, or no classes")
#: examples of one evaluation of other data than the training set, whatever was computed of them
EVALUATED = _run("evaluated", "examples", Cost.FREE, "no evaluation was seen")
VALIDATION_LOSS = _run("validation_loss", "loss", Cost.FREE, "no evaluation was seen")
VALIDATION_ACCURACY = _run("validation_accuracy", "share", Cost.FREE, "no evaluation was seen, or no classes")

BY_KEY = {value.key: value for value in list(globals().values()) if isinstance(value, Signal)}
"""Every signal by its key."""
