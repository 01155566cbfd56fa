"""Facts of models that generate or compare: what stands in their inputs, and how their outputs differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unstuck.record.facts.fact import Fact

__all__ = ["AddedNoise", "Condition", "Contrast", "Embeddings", "Generated", "Latent", "Opponent", "VisibleTarget"]


@dataclass(frozen=True, kw_only=True)
class VisibleTarget(Fact):
    """The target of a loss stands in the input of the model, over the sampled steps in which that was looked at.

    Attributes:
        looked: Losses that were looked at.
        equal: In how many of them it was so.
        how: Whether the target is the whole input, the last part of it, or one of its columns.
        column: Which column; that of a target that is scaled otherwise too. None for the others.
        columns: Columns of the input, the values of an example over those of its target.
        wide: Whether some way from the input to the output is nowhere narrower than the input; None where the target
            is not the whole input.
        noisy: Whether random numbers were drawn between the two, as for a mask or a latent variable.
        chosen: Whether a choice was made between the two, as of the nearest vector of a code book.
        cut: In how many of them the output has a graph that does not lead to what layers first made of the input.
        further: Tensors that enter the model beside this input, such as a time step.
        values: Values of the target of an example.
        file: The user's file that calls the loss.
        line: The line of that.
    """

    kind = "visible_target"
    missing = "no target was found in the input of the model"
    special = True
    looked: int
    equal: int
    how: Literal["whole", "last", "column"]
    column: int | None = None
    columns: int = 1
    wide: bool | None = None
    noisy: bool = False
    chosen: bool = False
    cut: int = 0
    further: int = 0
    values: int = 1
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class AddedNoise(Fact):
    """Noise of the size of an example, drawn for each batch, in what enters the model and in the target of its loss.

    Attributes:
        examples: Examples over which it was compared.
        values: Values of an example.
        in_input: Correlation of the noise with the input, value by value.
        in_target: The same with the target.
        together: Correlation of the input with the target.
        varied: Whether the examples got the noise at different levels; None where these are not known.
        told: How far what enters the model beside tells the level, in standard deviations of chance; None where nothing
            enters beside, or not known.
        same: Whether what enters beside is the same for all examples.
        single: Whether that is one number for an example.
        along: Whether the levels, one for each example, are broadcast along the values of an example, of which there
            are as many.
        file: The user's file that draws it.
        line: The line of that.
    """

    kind = "added_noise"
    missing = "no noise of the size of an example was drawn"
    special = True
    examples: int
    values: int
    in_input: float
    in_target: float
    together: float
    varied: bool | None = None
    told: float | None = None
    same: bool = False
    single: bool = False
    along: bool = False
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Condition(Fact):
    """What a model that generates is told of the kind of its examples, such as a class, and whether it is theirs.

    Attributes:
        examples: Examples over which it was compared.
        kinds: How many kinds there are.
        commonest: Share of the commonest.
        related: How far examples tell their kind, in standard deviations of chance; None for too few.
        apart: The same of the commonest kind and all others; None where it is not that of most examples.
        file: The user's file that draws the noise, or calls the loss.
        line: The line of that.
    """

    kind = "condition"
    missing = "no model that generates was told a kind of its examples"
    special = True
    examples: int
    kinds: int
    commonest: float
    related: float | None = None
    apart: float | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Embeddings(Fact):
    r"""How far the vectors that a network gives differ between the examples of a batch, where they are compared.

    Attributes:
        step: Updates made.
        examples: Vectors of the batch.
        size: Their length.
        spread: :math:`\sqrt{1 - \|\bar u\|^2}` of the vectors scaled to length one: 0 where all point the same way.
        rank: Effective rank of what differs, the participation ratio of its principal components; 0 where nothing does.
        pairs: Whether two vectors are compared, and none with those of other examples.
        both: Whether both of two that are compared carry a gradient.
        file: The user's file that compares them.
        line: The line of that.
    """

    kind = "embeddings"
    missing = "no outputs were compared by their direction"
    special = True
    step: int
    examples: int
    size: int
    spread: float
    rank: float
    pairs: bool = False
    both: bool = False
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Contrast(Fact):
    """A cross-entropy over similarities, in which each example has to find its partner.

    Attributes:
        step: Updates made.
        candidates: Among how many.
        itself: Whether the similarity of all partners is the same, and the greatest: that of a thing with itself.
        among: Whether each example is a candidate for itself, beside its partner.
        scale: What cosines are multiplied by, one over the temperature; None where that is not known.
        file: The user's file that calls the loss.
        line: The line of that.
    """

    kind = "contrast"
    missing = "no loss over similarities was seen"
    special = True
    step: int
    candidates: int
    itself: bool
    among: bool = False
    scale: float | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Latent(Fact):
    r"""A latent variable that is drawn as :math:`z = \mu + \sigma \epsilon`, for a batch of examples.

    Attributes:
        step: Updates made.
        size: Entries of :math:`\mu` of an example.
        examples: Examples of the batch.
        active: Entries whose :math:`\mu` varies over the batch by more than 0.01 (Burda et al. 2016).
        nats: Divergence from a standard normal distribution, the mean over the examples of the sum over the entries.
        deviation: Mean of :math:`\sigma`.
        file: The user's file that draws it.
        line: The line of that.
    """

    kind = "latent"
    missing = "no latent variable was drawn"
    special = True
    step: int
    size: int
    examples: int
    active: int
    nats: float
    deviation: float
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Opponent(Fact):
    """A loss that leads through another training's network, which judges what this training makes.

    Attributes:
        step: Updates made.
        raised: Whether the update raises what the judge says of made examples.
        raised_by_judge: Whether the judge's own training, when it was seen last, raised that too.
        data_raised_by_judge: Whether that raised what the judge says of data.
        file: The user's file that calls backward.
        line: The line of that.
    """

    kind = "opponent"
    missing = "no training was judged by another training's network"
    special = True
    step: int
    raised: bool
    raised_by_judge: bool
    data_raised_by_judge: bool
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Generated(Fact):
    """What a network makes whose examples another training's network judges beside data.

    Attributes:
        step: Updates made.
        beyond: Share of the values of the data that it could make with no weights whatever.
        function: The activation behind its last layer, which has a bound, by autograd's name.
        size: Root mean square of the values of the data; None where it is not known.
        unbounded: Whether the activation has a bound on one side only.
    """

    kind = "generated"
    missing = "no network whose examples another one judges ends in an activation with a bound"
    special = True
    step: int
    beyond: float
    function: str
    size: float | None = None
    unbounded: bool = False
