"""Which targets of a sequence does a loss score: padding, prompts, none of the answer?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.extra_pass import is_checkpoint, reruns
from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.autograd.positions import between
from unstuck.observe.collectors.copied_targets import copied_targets
from unstuck.observe.collectors.embedded_ids import Embedded
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.scored_outputs import Scored, scored_outputs
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import alone
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.frames import user_place
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["LossPositions"]

ASKED_FROM = (0, 8, 64)
"""Updates from which it is asked for the first time, once more, and for the last time."""

LEFT_OUT = 0.2
"""Share of a sequence's targets that are scored, and of those that are not, where one part of it is scored."""

FEWEST_ROWS = 8
SEVERAL = 2

MOSTLY = 0.5
"""Share of the targets that stand in a sequence at one offset, above which its ids are tokens, and this no chance."""

NEARLY_ALL = 0.95
"""Sequences in which an id stands before what is scored, from which on it ends a prompt and is no chance."""


class LossPositions:
    """Differentiate the loss with respect to the outputs that it was given: what has no gradient is not scored.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = frozenset[Any]()

    def __init__(self, view: View) -> None:
        self._view = view
        self._call: tuple[LossCall, tuple[str | None, int | None]] | None = None
        self._asked = 0
        self._found: list[facts.ScoredPositions] = []

    def forget_ids(self) -> None:
        """The step is over, and maybe no backward pass was walked."""
        self._call = None

    release = forget_ids

    def loss_of_ids(self, call: LossCall) -> None:
        """Take the first loss of a step."""
        due = self._asked < len(ASKED_FROM) and self._view.updates >= ASKED_FROM[self._asked]
        if due and self._call is None and is_readable(call.output):
            self._call = (call, (call.site.file, call.site.line) if call.handwritten else user_place(1))

    def backward_of_ids(self, graph: GraphWalk) -> None:
        """Ask, if no code of the program's runs between the loss and the outputs."""
        taken, self._call = self._call, None
        view = self._view
        if taken is None or view.hooked or not alone() or not taken[0].output.requires_grad:
            return
        if not all(map(is_checkpoint, graph.custom)):
            return
        call, place = taken
        known = [(one, scored) for one in view.embedded if (scored := scored_outputs(call, one)) is not None]
        if not known or known[0][1].targets is None or _runs_program_code(graph.root, call.output):
            return
        with torch.enable_grad():
            norms = _norms(graph.root, call.output)
        if norms is not None:
            self._asked += 1
            fact, tokens = _fact(*known[0], norms, call, place), _tokens(known)
            self._found.append(fact if tokens is None else replace(fact, **_copied(*tokens, norms, call)))

    def facts(self) -> Iterator[facts.ScoredPositions]:
        """What was found."""
        found, self._found = self._found, []
        yield from found


def _runs_program_code(loss: Tensor, output: Tensor) -> bool:
    """Whether a checkpoint stands between a loss and its outputs; one before them takes no part in the pass."""
    return any(map(reruns, between(loss, output)))


def _norms(loss: Tensor, output: Tensor) -> Tensor | None:
    """Size of the gradient of the loss with respect to each output, summed over classes."""
    try:
        (gradient,) = torch.autograd.grad(
            [loss], [output], [torch.ones_like(loss)], retain_graph=True, allow_unused=True
        )
    except RuntimeError:
        return None
    return None if gradient is None else gradient.detach().abs().sum(dim=1)  # pyright: ignore[reportUnnecessaryComparison]


def _fact(
    one: Embedded, scored: Scored, norms: Tensor, call: LossCall, place: tuple[str | None, int | None]
) -> facts.ScoredPositions:
    scores = scored.columns(norms) != 0
    padded = torch.zeros_like(scores)
    if one.padding is not None:
        padded = _at(scored.rows(one.padding), scored.shift)[:, scored.front : scored.front + scored.kept]
    real, ids = ~padded, scored.rows(one.ids)[:, scored.front : scored.front + scored.kept]
    counted, leading, trailing = int(scores.sum()), 0.0, 0.0
    if scored.shift == 1 and counted:
        asked = _at(scored.rows(one.ids), scored.shift)[:, scored.front : scored.front + scored.kept]
        leading, trailing = _part(scores, real, asked), _part(scores.flip(1), real.flip(1), asked.flip(1))
    ignored = None if scored.targets is None else (scored.targets == call.ignored) & real
    # A class of its own, and no token that fills up targets which are tokens of the input.
    own = 0 <= call.ignored < call.output.shape[1] != one.rows and not scored.shift
    return facts.ScoredPositions(
        targets=scores.numel(),
        scored=counted / scores.numel(),
        padding=float(padded.double().mean()),
        scored_padding=float((scores & padded).sum()) / max(1, counted),
        scored_real=float((scores & real).sum() / real.sum().clamp(min=1)),
        leading=leading,
        trailing=trailing,
        ignored=call.ignored if own else None,
        ignored_real=0.0 if ignored is None else float(ignored.sum() / real.sum().clamp(min=1)),
        **(_before(scored, scores, real, scored.rows(one.ids)) if scored.shift == 1 else {}),
        **(_behind(scored, scores, scored.rows(one.ids)) if scored.shift == 1 else {}),
        ignored_ids=0 if ignored is None else len(ids[ignored].unique()),
        file=place[0],
        line=place[1],
    )


def _tokens(known: list[tuple[Embedded, Scored]]) -> tuple[Embedded, Scored] | None:
    """The ids that are asked for, beside those of positions and kinds; None where others are, as those of a decoder."""
    if len(known) == 1:
        return known[0]
    asked = [(one, scored) for one, scored in known if scored.agreed > MOSTLY]
    return asked[0] if asked and all(_same(one.ids, asked[0][0].ids) for one, _ in asked) else None


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.device == other.device and bool((one == other).all())


def _copied(one: Embedded, scored: Scored, norms: Tensor, call: LossCall) -> dict[str, Any]:
    """What is copied of targets at their own places; of padding it counts for nothing."""
    if scored.shift:
        return {}
    scores = scored.columns(norms) != 0
    if one.padding is not None:
        scores &= ~scored.rows(one.padding)[:, scored.front : scored.front + scored.kept]
    return copied_targets(call, scored, scored.rows(one.ids)[:, scored.front : scored.front + scored.kept], scores)


def _before(scored: Scored, scores: Tensor, real: Tensor, ids: Tensor) -> dict[str, Any]:
    """The one id that stands before what is scored in all sequences, if no target behind it is scored."""
    first = scores.long().argmax(dim=1)
    rows = scores.any(dim=1) & (first > 0) & real.gather(1, (first - 1).clamp(min=0).unsqueeze(1)).squeeze(1)
    if int(rows.sum()) < FEWEST_ROWS or float(rows.double().mean()) < NEARLY_ALL:
        return {}
    place, given = (scored.front + first[rows] - 1).unsqueeze(1), ids[rows]
    known = given.gather(1, place)
    context = ids[:, scored.front : scored.front + scored.kept][scores]
    if bool((known != known[0]).any()) or bool((context == known[0]).any()):
        return {}
    behind = given.gather(1, place + 1).squeeze(1).tolist()
    prompts = [tuple(row[: at + 1]) for row, (at,) in zip(given.tolist(), place.tolist(), strict=True)]
    begun = dict(reversed(list(zip(prompts, behind, strict=True))))
    same = sum(begun[prompt] == id_ for prompt, id_ in zip(prompts, behind, strict=True)) - len(begun)
    again = len(prompts) - len(begun)
    return {
        "before": int(known[0]),
        "again": again,
        "followed": same / max(1, again),
        "followers": len(set(behind)),
    }


def _behind(scored: Scored, scores: Tensor, ids: Tensor) -> dict[str, Any]:
    """The one id that stands behind what is scored in all sequences that go on, if it is never scored.

    Where what is scored ends in one id itself, as in an end of sequence, or always at one position, nothing is missing.
    """
    places = torch.arange(scores.shape[1], device=scores.device)
    last = scored.front + (scores * places).amax(dim=1) + 1
    rows = scores.any(dim=1) & (last + 1 < ids.shape[1])
    if int(rows.sum()) < FEWEST_ROWS or len(last[rows].unique()) < SEVERAL:
        return {}
    given, at = ids[rows], last[rows].unsqueeze(1)
    end, behind = given.gather(1, at), given.gather(1, at + 1)
    assert scored.targets is not None
    again = bool((scored.targets[scores] == behind[0]).any())
    if again or bool((behind != behind[0]).any()) or len(end.unique()) < SEVERAL:
        return {}
    return {"behind": int(behind[0]), "longest": int(last.max()) + 1}


def _at(given: Tensor, offset: int) -> Tensor:
    """What is given where the targets stand; behind the last position as at it."""
    behind = given[:, -1:].expand(-1, max(offset, 0))
    return torch.cat([given[:, max(offset, 0) :], behind], dim=1)


def _part(scores: Tensor, real: Tensor, asked: Tensor) -> float:
    """Share of the sequences of which a leading part is scored and as much behind it, that is real, is not.

    What is one id throughout fills up, though nobody said so.
    """
    behind = real & ~scores
    first = scores.long().argmax(dim=1) <= (real.long().argmax(dim=1) + 1)
    places = torch.arange(scores.shape[1], device=scores.device)
    last = (scores * places).amax(dim=1, keepdim=True)
    rest = behind & (places > last)
    much = rest.sum(dim=1) >= LEFT_OUT * real.sum(dim=1)
    several = asked.masked_fill(~rest, -1).amax(dim=1) > asked.masked_fill(~rest, int(asked.max())).amin(dim=1)
    enough = (scores & real).sum(dim=1) >= LEFT_OUT * real.sum(dim=1)
    whole = ((behind & (places < last)).sum(dim=1) == 0) | ~scores.any(dim=1)
    return float((first & much & several & enough & whole).double().mean())
