"""Facts about sequences of ids: which positions an output rests on, which are scored, what attention may look at."""

from __future__ import annotations

from dataclasses import dataclass

from unstuck.record.facts.fact import Fact

__all__ = [
    "AddedTable",
    "AttentionCall",
    "EqualPositions",
    "FailedLookup",
    "ScoredPositions",
    "SequenceReach",
    "UnfollowedSequence",
]


@dataclass(frozen=True, kw_only=True)
class SequenceReach(Fact):
    r"""Which positions of its input one output of a model of sequences depends on, by an extra backward pass.

    Of the output :math:`y` at one position :math:`t` of each example, or of an example's only output, and the vectors
    :math:`e_s` that its ids were turned into, each share is

    .. math::
        \frac{\lVert \partial y / \partial e_S \rVert}{\lVert \partial y / \partial e_{1..T} \rVert}

    for a set S of positions.

    Attributes:
        step: The training step.
        length: Positions of a sequence, T.
        offset: The target of position t is the input at t + offset, of every one that counts; None where it is at none,
            at several, or where an example has one output.
        positions: Targets that were compared for that.
        earlier: Share of the positions before t.
        own: Share of position t itself.
        answer: Share of the position that holds the target.
        later: Share of the positions behind t.
        direct: Share of the positions behind t, or of t itself where its target stands there, along paths that keep
            positions apart: what passes a vector for several of them, as in an autoencoder, is left out. None where it
            was not asked.
        statistics: Whether a norm of the model takes its statistics over positions too.
        padding: Share of the positions that hold padding; None where no padding is recognised.
        on_padding: Share of the gradient of real outputs that rests on padding.
        blank: Whether the vectors of padding are zero.
        unread: Share of the real positions that no output depends on, where an example has one output.
        cut: Positions that the model was given beside these, and turned into no vector; padding is not counted.
        alike: Whether attention mixes positions and nothing on the way tells them apart.
        each: Whether there is an output at each position.
        sequences: How many sequences of ids were turned into vectors.
        answers: In how many of them the targets stand, in whichever place.
        attended: Paths of the modules whose attention has keys that come from the vectors, the first one's first.
        numbers: Whether positions hold numbers and no ids; vectors are then what the first layer makes of them.
        file: The user's file that calls the loss.
        line: The line of that call.
    """

    kind = "sequence_reach"
    missing = "no loss was seen whose outputs could be followed back to a sequence of ids"
    special = True
    step: int
    length: int
    offset: int | None = None
    positions: int = 0
    earlier: float = 0.0
    own: float = 0.0
    answer: float = 0.0
    later: float = 0.0
    direct: float | None = None
    statistics: bool = False
    padding: float | None = None
    on_padding: float | None = None
    blank: bool = False
    unread: float | None = None
    cut: int = 0
    alike: bool = False
    each: bool = False
    sequences: int = 1
    answers: int = 1
    attended: tuple[str, ...] = ()
    numbers: bool = False
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class UnfollowedSequence(Fact):
    """A loss whose outputs belong to a sequence of ids, and are not followed back to it, for other code would run too.

    Attributes:
        step: The training step.
        length: Positions of a sequence.
        offset: Where the target of a position stands in the input; None where it does not, or at several places.
        positions: Targets that were compared for that.
        sequences: How often sequences of ids were turned into vectors, positions left out.
        file: The user's file that calls the loss.
        line: The line of that call.
    """

    kind = "unfollowed_sequence"
    missing = "outputs were followed back to the sequences of ids, if there are any"
    special = True
    step: int
    length: int
    offset: int | None = None
    positions: int = 0
    sequences: int = 1
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScoredPositions(Fact):
    """Which targets of a sequence a loss scores: those at which its gradient with respect to the outputs is not zero.

    Attributes:
        targets: Targets that were looked at.
        scored: Share of them that is scored.
        padding: Share of them that is padding behind the end, or before the beginning, of a sequence.
        scored_padding: Share of what is scored that is padding.
        scored_real: Share of the targets that are no padding that is scored.
        leading: Share of the sequences of which a leading part is scored, and real targets behind it are not.
        trailing: Share of those of which a trailing part is scored, and real targets before it are not.
        ignored: The id that the loss leaves out, where the model can give it too, and gives none of the input's ids.
        ignored_real: Share of the targets that are no padding which are that id.
        ignored_ids: How many different ids of the input stand there.
        before: The id before the first position whose target is scored, where it is the same in all sequences and none
            of the targets that follow it is scored; else None.
        again: Sequences that are another one up to that id.
        followed: Share of these in which the same id follows it.
        followers: Different ids that follow it.
        behind: The id behind the last position whose target is scored, where it is the same in all sequences, none of
            the targets that are scored is it, and they end in several ids at several positions; else None.
        longest: Positions of the longest sequence up to the last target that is scored, where there is such an id.
        copied: Of the targets of real tokens that are scored, the share that are the input at their place, where one id
            hides the others, in a model of one sequence.
        hidden_by: That id, which is no target.
        loss_copied: Cross-entropy of those.
        loss_hidden: Cross-entropy of the others.
        file: The user's file that calls the loss.
        line: The line of that call.
    """

    kind = "scored_positions"
    missing = "no loss asks for a class at each position of a sequence of ids"
    special = True
    targets: int
    scored: float
    padding: float
    scored_padding: float
    scored_real: float
    leading: float = 0.0
    trailing: float = 0.0
    ignored: int | None = None
    ignored_real: float = 0.0
    ignored_ids: int = 0
    before: int | None = None
    again: int = 0
    followed: float = 0.0
    followers: int = 0
    behind: int | None = None
    longest: int = 0
    copied: float = 0.0
    hidden_by: int | None = None
    loss_copied: float | None = None
    loss_hidden: float | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class AttentionCall(Fact):
    """An attention in the forward pass, and what its queries look at.

    Attributes:
        function: scaled_dot_product_attention, multi_head_attention_forward, or softmax where it is written out.
        queries: Positions that look.
        keys: Positions that are looked at.
        mask: none, causal where a flag says so, bool, or float.
        zero_one: Whether a float mask, which is added, holds nothing but zeros and ones.
        uniform: Whether all entries of a mask are equal.
        by_query: Whether a mask differs between the queries of an example, so that their places can be told by it.
        of_heads: Whether queries and keys are the heads of one position, which were not exchanged with positions.
        padding: Share of the keys that are padding; None where no padding is recognised.
        on_padding: Share of the pairs of a real query and a padded key that are looked at.
        on_real: Share of the pairs of a real query and a real key.
        before: Share of the pairs whose key stands before the query; None where there are not as many of both.
        behind: Share of the pairs whose key stands behind the query.
        next: Of the keys that any query looks at, the share that the query one position before them looks at.
        where: Path of the module.
        file: The user's file that calls it.
        line: The line of that call.
    """

    kind = "attention_call"
    function: str
    queries: int
    keys: int
    mask: str = "none"
    zero_one: bool = False
    uniform: bool = False
    by_query: bool = False
    of_heads: bool = False
    padding: float | None = None
    on_padding: float | None = None
    on_real: float | None = None
    before: float | None = None
    behind: float | None = None
    next: float | None = None
    where: str = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class AddedTable(Fact):
    """Rows of a table that were added to sequences of vectors, one row to each entry of their first axis.

    Attributes:
        step: The training step.
        examples: Entries of the first axis.
        positions: Entries of the second axis, which all get the same row.
        where: Path of the module.
        file: The user's file that adds them.
        line: The line of that call.
    """

    kind = "added_table"
    missing = "no rows of a table were added to sequences, one to each example"
    special = True
    step: int
    examples: int
    positions: int
    where: str = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class EqualPositions(Fact):
    """The same row of a table that was added at all positions of all sequences.

    Attributes:
        step: The training step.
        lengths: Lengths of the axes, of positions and maybe of examples, at all entries of which it was looked up.
        rows: Rows of the table, at least one for each entry of the shorter axis.
        where: Path of the module.
        file: The user's file that adds them.
        line: The line of that call.
    """

    kind = "equal_positions"
    missing = "no row of a table was added to sequences, one for all positions"
    special = True
    step: int
    lengths: tuple[int, ...]
    rows: int
    where: str = ""
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class FailedLookup(Fact):
    """An embedding was asked for ids that it has no vector for, which ended the program.

    Attributes:
        rows: Rows of its table.
        lowest: Smallest id that it was given.
        highest: Greatest one.
        beyond: How many have no row.
        ids: How many it was given.
        counting: Whether each is one more than that before it, as positions are.
        where: Path of the module; empty where it is none of the model's.
        file: The user's file that calls it.
        line: The line of that call.
    """

    kind = "failed_lookup"
    missing = "no embedding was asked for an id that it does not have"
    special = True
    rows: int
    lowest: int
    highest: int
    beyond: int
    ids: int
    counting: bool = False
    where: str = ""
    file: str | None = None
    line: int | None = None
