"""Is there anything in the data to learn?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from unstuck.preflight.arrangement import called, size, takes
from unstuck.preflight.computable import obstacle
from unstuck.preflight.learning import FEW, RATE, untrainable
from unstuck.preflight.subject import Batch, Subject, copied, without_dropout
from unstuck.record.checklist import Check

__all__ = ["data_says_something"]

ROUND, ROUNDS = 40, 8
"""Steps after which it is seen whether labels matter by now, and how often at most."""
STANDARD_ERRORS = 3.0
MEASURED = 512
"""Examples whose losses are compared."""
TELLING = 200
"""Examples held out from which labels that do not carry over are a fault: a weak relation needs as many (ours)."""

Tree = TypeVar("Tree")
Gap = tuple[str, float, float]
"""What was changed, what it adds to the mean loss, and three standard errors of that."""


def data_says_something(subject: Subject) -> Check:
    r"""Train a copy shortly, then compare its loss with that under shuffled labels and that of zeroed inputs.

    Labels are compared on examples that it was not trained on, the validation part or a quarter held back, for random
    labels can be learned by heart. Losses of single examples give the sampling error: the mean difference must exceed
    three times :math:`s / \sqrt{N}`.
    """
    name, code = "labels and inputs matter", "P111"
    if not subject.judges:
        return Check(code=code, name=name, status="skipped", reason="the loss takes no targets")
    parts = _parts(subject)
    if parts is None:
        return Check(code=code, name=name, status="skipped", reason="it needs 40 examples in rows of all parts")
    known, unseen = parts
    model = without_dropout(subject.twin())
    if takes(model, subject.first[0]) and not takes(model, unseen[0]):
        return Check(code=code, name=name, status="skipped", reason="the model takes its examples all at once")
    wanted = [p for p in model.parameters() if p.requires_grad]
    stopped = obstacle(subject)
    if not wanted or stopped is not None:
        return untrainable(code, name, stopped)
    subject.seeded()
    optimizer = torch.optim.Adam(wanted, lr=RATE)
    width = size(subject.batches[0])
    batches = [_rows(known, slice(i, i + width)) for i in range(0, size(known), width)]
    rows: list[Gap] = []
    steps = 0
    while not (rows and all(map(_told, rows))) and steps < ROUND * ROUNDS:
        without_dropout(model)
        for step in range(steps, steps + ROUND):
            optimizer.param_groups[0]["lr"] = RATE if step < ROUND else 3.0 * RATE
            inputs, targets = copied(batches[step % len(batches)])
            optimizer.zero_grad()
            value = subject.loss(called(model, inputs), targets)
            if not value.requires_grad:
                return _detached(code, name)
            value.backward()
            optimizer.step()
        steps += ROUND
        model.eval()
        rows = [_shuffled(subject, model, *unseen), *_zeroed(subject, model, *known)]
        if rows[0][1:] == (0.0, 0.0) and subject.batches[0][0] is subject.batches[0][1]:
            return Check(code=code, name=name, status="skipped", reason="the loss takes no targets")
    by_heart = not _told(rows[0]) and all(map(_told, [*rows[1:], _shuffled(subject, model, *known)]))
    told = "; ".join(f"{what} cost {gap:+.3g} (more than {error:.2g} is no chance)" for what, gap, error in rows)
    count = size(unseen[1])
    reason = f"after {steps} steps, labels of {count} examples held out: {told}"
    unsure = by_heart and count < TELLING
    if unsure:
        reason = f"labels are learned by heart; whether they hold for others, {count} held out are too few to tell"
    passed = all(map(_told, rows))
    return Check(
        code=code,
        name=name,
        status="passed" if passed else "skipped" if unsure else "failed",
        value=min(gap for _, gap, _ in rows),
        expected="a higher loss for shuffled labels, on examples held out, and for zeroed inputs",
        tolerance=max(error for _, _, error in rows),
        reason=reason,
        advice="" if passed or unsure else BY_HEART if by_heart else NOTHING,
        cause="" if passed or unsure else "labels-mismatched",
    )


BY_HEART = (
    "labels are learned by heart, and nothing of it holds for other examples: check that labels belong to their inputs"
)
NOTHING = "the data say nothing of the targets: check that labels belong to their inputs, and that inputs arrive"


def _parts(subject: Subject) -> tuple[Batch, Batch] | None:
    """Examples to train on, and others to measure on."""
    examples = subject.examples
    if examples is None or size(examples) < 2 * FEW:
        return None
    held_out = subject.held_out
    if held_out is not None and size(held_out) >= FEW and _shapes(held_out) == _shapes(examples):
        return examples, held_out
    order = _order(subject, size(examples)).to(pytree.tree_leaves(examples)[0].device)
    back, rest = order[: len(order) // 4], order[len(order) // 4 :]
    return _rows(examples, rest), _rows(examples, back)


def _shapes(batch: Batch) -> list[torch.Size]:
    return [leaf.shape[1:] for leaf in pytree.tree_leaves(batch)]


def _rows(tree: Tree, rows: Tensor | slice) -> Tree:
    return cast("Tree", pytree.tree_map(lambda leaf: leaf[rows], tree))


def _order(subject: Subject, count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(subject.seed))


def _shuffled(subject: Subject, model: nn.Module, inputs: Any, targets: Any) -> Gap:
    """What shuffled labels add to the loss, with three standard errors."""
    inputs, targets = _rows((inputs, targets), slice(MEASURED))
    order = _order(subject, size(targets)).to(pytree.tree_leaves(targets)[0].device)
    with torch.no_grad():
        right = _each(subject, model, inputs, targets)
        return ("shuffled labels", *_gap(_each(subject, model, inputs, _rows(targets, order)), right))


def _zeroed(subject: Subject, model: nn.Module, inputs: Any, targets: Any) -> list[Gap]:
    """The same of zeroed inputs; none where the model gives no number for these, as where 0 is padding."""
    inputs, targets = _rows((inputs, targets), slice(MEASURED))
    real = all(leaf.is_floating_point() for leaf in pytree.tree_leaves(subject.unlabelled(inputs)))
    try:
        with torch.no_grad():
            right = _each(subject, model, inputs, targets)
            zeroed = _each(subject, model, pytree.tree_map(torch.zeros_like, inputs), targets)
    except (RuntimeError, IndexError):
        if real:
            raise
        return []
    if not real and not bool(torch.isfinite(zeroed).all()):
        return []
    return [("zeroed inputs", *_gap(zeroed, right))]


def _told(row: Gap) -> bool:
    _, gap, error = row
    return gap > error


def _each(subject: Subject, model: nn.Module, inputs: Any, targets: Any) -> Tensor:
    """The loss of each example. A model that takes the targets is called anew for each."""
    if subject.label is not None:
        inputs = subject.labelled(inputs, targets)
        singles = [slice(i, i + 1) for i in range(size(targets))]
        values = [subject.loss(called(model, _rows(inputs, one)), _rows(targets, one)) for one in singles]
        return torch.stack([value.reshape(()) for value in values])
    outputs, count = called(model, inputs), size(targets)

    def one(leaf: Any, i: int) -> Any:
        rowed = isinstance(leaf, Tensor) and leaf.ndim and len(leaf) == count
        return leaf[i : i + 1] if rowed else leaf

    pick: Callable[[Any, int], Any] = lambda tree, i: pytree.tree_map(lambda leaf: one(leaf, i), tree)  # noqa: E731
    return torch.stack([subject.loss(pick(outputs, i), pick(targets, i)).reshape(()) for i in range(count)])


def _gap(worse: Tensor, right: Tensor) -> tuple[float, float]:
    difference = (worse - right).double()
    return float(difference.mean()), STANDARD_ERRORS * float(difference.std()) / math.sqrt(len(difference))


def _detached(code: str, name: str) -> Check:
    return Check(
        code=code,
        name=name,
        status="failed",
        reason="no gradient comes back from the loss to any parameter",
        advice="look for detach(), no_grad() or item() between the model and the loss",
        cause="graph-detached",
    )
