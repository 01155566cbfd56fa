"""Facts about the data: where the examples come from, their inputs, and whether targets belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from unstuck.record.facts.fact import Fact

__all__ = [
    "AlikeBatches",
    "Association",
    "Data",
    "ExampleOrder",
    "Inputs",
    "Loader",
    "TargetCode",
    "TargetsAgain",
    "ThrownBatch",
    "ThrownTensor",
    "Unpaired",
]


@dataclass(frozen=True, kw_only=True)
class Data(Fact):
    """A data set that unstuck itself loaded."""

    kind = "data"
    name: str
    task: Literal["classification", "regression"]
    train: int
    validation: int
    test: int
    features: tuple[int, ...] = ()
    classes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Loader(Fact):
    """A ``torch.utils.data.DataLoader`` that was iterated over during training; stated anew as it goes on.

    Attributes:
        number: Tells loaders of one run apart.
        begun: Iterators made.
        updates: Optimizer updates made while one of them was the newest iterator of all.
        batches: Batches of one iterator; None where it has no length.
        examples: Examples of its data set; None where that has no length.
        order: sequential: always the same order; random: a new order each time; other: a sampler of the user's.
    """

    kind = "loader"
    missing = "no DataLoader was used"
    number: int
    begun: int
    updates: int
    batches: int | None = None
    examples: int | None = None
    order: Literal["sequential", "random", "other"] = "other"


@dataclass(frozen=True, kw_only=True)
class AlikeBatches(Fact):
    """How far the batches differ whose examples a loss over similarities sets against each other.

    Attributes:
        batches: Batches of which the means are known.
        examples: Examples of each.
        ratio: Variance between their means over that within them, times the examples: about 1 for random batches.
        file: The user's file that calls the loss.
        line: The line of that.
    """

    kind = "alike_batches"
    missing = "no loss set the examples of a batch against each other"
    special = True
    batches: int
    examples: int
    ratio: float
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Inputs(Fact):
    """What the model takes in, by feature over the batches seen so far (channels for images, columns for tables).

    Attributes:
        shape: Shape of one batch.
        kind_of: image (N, C, H, W), table (N, F), sequence (N, T, F), or ids for integers.
        examples: Examples whose values were looked at; none of ids.
        minimum: Their smallest value.
        maximum: Their largest value.
        feature_means: Mean of each feature (at most 4,096 of them).
        feature_stds: Standard deviation of each feature.
        first_layer: Root mean square of what reaches the first layer with weights, where it is as many values as the
            batch, changed on the way or not; None where that was not seen.
        joined_means: Mean of each feature of what reaches it, of the first batches, where that is not as many values as
            the batch: a second input was joined to it, such as a time; empty where that was not seen.
        joined_stds: Standard deviation of each of these.
        levels: Distinct values of the feature that has most of them, among the first thousand of a batch.
        correlated: Greatest eigenvalue of the correlations between the features over the median one: 1 for independent
            features; of tables of 3 to 128 features alone.
    """

    kind = "inputs"
    missing = "no batch was seen to enter the model"
    shape: tuple[int, ...]
    kind_of: Literal["image", "table", "sequence", "ids", "other"]
    examples: int
    minimum: float
    maximum: float
    feature_means: tuple[float, ...] = ()
    feature_stds: tuple[float, ...] = ()
    first_layer: float | None = None
    joined_means: tuple[float, ...] = ()
    joined_stds: tuple[float, ...] = ()
    levels: int | None = None
    correlated: float | None = None


@dataclass(frozen=True, kw_only=True)
class Association(Fact):
    """Whether targets have to do with their inputs, by pairs of them from training batches.

    Attributes:
        met: Pairs gathered.
        examples: Distinct ones among them.
        neighbours: How far the targets of nearest neighbours agree, in standard deviations of what chance gives.
        linear: How much of the targets a line explains, in the same unit.
        explained: Share of the targets' variance that the mean of an example's nearest neighbours explains; NaN where
            a target is several numbers.
        told: Share of examples whose class most of their neighbours have; None where there are no classes.
        numbers: Numbers or class ids of a target that were compared.
        parts: Tensors that an example consists of, such as two for a noisy image and a time step.
    """

    kind = "association"
    missing = "too few examples were seen with their targets"
    met: int
    examples: int
    neighbours: float
    linear: float
    explained: float = float("nan")
    told: float | None = None
    numbers: int = 1
    parts: int = 1


@dataclass(frozen=True, kw_only=True)
class ExampleOrder(Fact):
    """From which example of a batch an output and its target come, where the program sorts the examples.

    Attributes:
        step: The training step.
        examples: Examples in the batch.
        output: Where the example stood, before anything was sorted, that the output in the middle depends on.
        target: Where the target that this output is compared with stood then.
        file: The user's file that sorts.
        line: The line of that call.
    """

    kind = "example_order"
    missing = "no examples of a batch were seen to be sorted"
    step: int
    examples: int
    output: int
    target: int
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class TargetsAgain(Fact):
    """How often a sequence of ids that came again had the target that it came with first.

    Attributes:
        again: Sequences that came again, of the steps that were sampled.
        same: Share of them whose target was the same.
        chance: Share of two targets that agree by chance, by how often each is asked for.
        by_length: Share of the batches of several lengths whose sequences were sorted by length.
        file: The user's file that calls the loss.
        line: The line of that call.
    """

    kind = "targets_again"
    missing = "no sequence of ids with one target was seen twice"
    special = True
    again: int
    same: float
    chance: float
    by_length: float = 0.0
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class TargetCode(Fact):
    """How the targets of a loss name the ids that a model of sequences is given.

    Attributes:
        targets: Targets that were looked at.
        only: The one id that all of them are, where it stands in the input as often as there are targets; else None.
        ids: Different ids that were asked for as the next token.
        explained: Share of the next tokens whose target is what the same token was before, one for one.
        renamed: Share of them whose target is another id.
        by_own: The same as ``explained``, by the id of the position itself.
        file: The user's file that calls the loss.
        line: The line of that call.
    """

    kind = "target_code"
    missing = "no loss asks for ids at the positions of a sequence of ids"
    special = True
    targets: int
    only: int | None = None
    ids: int = 0
    explained: float = 0.0
    renamed: float = 0.0
    by_own: float = 0.0
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Unpaired(Fact):
    """Inputs and targets of training were not compared with each other.

    Attributes:
        reason: Why, as a clause.
    """

    kind = "unpaired"
    reason: str


@dataclass(frozen=True, kw_only=True)
class ThrownTensor:
    """A tensor from outside in a step whose loss was thrown, beside the same tensor in ordinary steps.

    Attributes:
        what: input or target.
        place: The operation that took it.
        shape: Its shape.
        largest: Its greatest absolute value.
        usual: The median of that over ordinary steps.
        spread: Robust standard deviation of its logarithm over these.
        high: What 95% of them stay below.
        later: The median over those after this step alone; None where there are none.
        seen: How many ordinary steps these are.
        rows: Rows with a value above five times ``usual``.
        first_rows: The first of these, at most 16.
    """

    what: Literal["input", "target"]
    place: str
    shape: tuple[int, ...]
    largest: float
    usual: float
    spread: float
    high: float
    later: float | None
    seen: int
    rows: int
    first_rows: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ThrownBatch(Fact):
    """A step whose loss was far above its level, and what was given to model and loss in it, before its update.

    Of one step the fact stated last counts, which knows the most of ordinary steps.

    Attributes:
        step: Updates made before it.
        loss: Its loss.
        level: The loss above which it was looked at.
        tensors: What it was given.
        places: Places of the examples of the batch in the data set that its ``DataLoader`` draws from; empty where no
            loader is known, and of an ``IterableDataset``.
    """

    kind = "thrown_batch"
    missing = "no loss on the CPU was far above its level"
    step: int
    loss: float
    level: float
    tensors: tuple[ThrownTensor, ...] = ()
    places: tuple[int, ...] = ()

    def examples(self, rows: Sequence[int], among: int) -> tuple[int, ...]:
        """Places in the data set of the examples that some rows belong to; empty where these are not known.

        Args:
            rows: Rows of a tensor of the batch.
            among: How many rows it has: one for each example, or as many for each, one after the other.

        Examples:
            >>> look = ThrownBatch(step=9, loss=5.0, level=1.0, places=(70, 20, 40))
            >>> look.examples([2], 3), look.examples([2, 3], 6), look.examples([2], 5)
            ((40,), (20,), ())
        """
        if not self.places or among % len(self.places):
            return ()
        each = among // len(self.places)
        return tuple(dict.fromkeys(self.places[row // each] for row in rows))
