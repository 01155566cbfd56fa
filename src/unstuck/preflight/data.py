"""Are the data fit to learn from: scale, NaN, duplicates, class counts, leaks, order?"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from unstuck.preflight.arrangement import size
from unstuck.preflight.subject import Subject
from unstuck.record.checklist import Check

__all__ = ["data"]

RARE = 10.0
"""Ratio of class counts above which imbalance is noted (SageMaker Debugger)."""
LARGE, SMALL = 10.0, 0.01
"""Root mean square of the inputs outside of which they are not scaled (our choice: an order of magnitude of 1)."""
RUNS = 4.0
"""Standard errors by which neighbours of one class may exceed chance."""


def data(subject: Subject) -> Check:
    """Look at the examples that were read, at most 2,048 of each part."""
    name, code = "data", "P101"
    examples = subject.examples
    if examples is None:
        return Check(code=code, name=name, status="skipped", reason="inputs have no row for each example")
    inputs, targets = subject.unlabelled(examples[0]), examples[1]
    for what, tree in (("inputs", inputs), ("targets", targets)):
        found = _holes(what, tree)
        if found is not None:
            return found
    real = [leaf for leaf in pytree.tree_leaves(inputs) if leaf.is_floating_point()]
    faults, notes = _leaks(subject, inputs), _repeated(inputs)
    faults += [fault for leaf in real for fault in _scale(leaf)] + _constant(inputs)
    if isinstance(targets, Tensor):
        more_faults, more_notes = _classes(targets)
        faults, notes = faults + more_faults, notes + more_notes
    about = f"root mean square {_size(real[0]):.2g}" if len(real) == 1 else f"{len(real)} parts of real numbers"
    count = f"{size(targets):,} examples"
    words = f"{count}, {about}" if real else f"{count} of whole numbers"
    first = faults[0] if faults else None
    return Check(
        code=code,
        name=name,
        status="failed" if faults else "noted" if notes else "passed",
        value=max(map(_size, real or pytree.tree_leaves(inputs)), default=0.0),
        expected="scaled inputs, no duplicates across the parts, all classes, mixed order",
        reason="; ".join([what for what, _, _ in faults] + notes + [words]),
        advice=first[1] if first else "",
        cause=first[2] if first else "",
    )


Fault = tuple[str, str, str]


def _holes(what: str, tree: Any) -> Check | None:
    """The cross for numbers that are none; None where all are finite."""
    leaves = [leaf for leaf in pytree.tree_leaves(tree) if leaf.is_floating_point()]
    bad = [(~torch.isfinite(leaf)).reshape(len(leaf), -1).any(dim=1).cpu() for leaf in leaves]
    rows = torch.stack(bad).any(dim=0).nonzero()[:, 0] if bad else torch.zeros(0)
    if not len(rows):
        return None
    return Check(
        code="P101",
        name="data",
        status="failed",
        value=float(len(rows)),
        expected="0 examples with NaN or infinity",
        reason=f"{what} of {len(rows)} examples are NaN or infinite, first in row {int(rows[0])}",
        advice="remove these examples, or fill the gaps",
        cause="data-non-finite",
    )


def _size(inputs: Tensor) -> float:
    return float(inputs.double().square().mean().sqrt())


def _scale(inputs: Tensor) -> list[Fault]:
    size = _size(inputs)
    if not inputs.is_floating_point() or SMALL <= size <= LARGE or size == 0.0:
        return []
    what = f"inputs have a root mean square of {size:.3g}"
    return [(what, "scale them to zero mean and unit variance", "inputs-not-scaled")]


def _constant(inputs: Any) -> list[Fault]:
    leaves = pytree.tree_leaves(inputs)
    if size(inputs) > 1 and leaves and all(bool((leaf == leaf[:1]).all()) for leaf in leaves):
        return [("all inputs are equal", "look at how examples are read", "data-constant")]
    return []


def _rows(inputs: Any) -> list[bytes]:
    columns = [
        [row.numpy().tobytes() for row in leaf.detach().cpu().contiguous()] for leaf in pytree.tree_leaves(inputs)
    ]
    return [b"|".join(row) for row in zip(*columns, strict=True)]


def _repeated(inputs: Any) -> list[str]:
    """Inputs that occur again; small whole-numbered ones coincide by themselves."""
    if not any(leaf.is_floating_point() for leaf in pytree.tree_leaves(inputs)):
        return []
    again = size(inputs) - len(set(_rows(inputs)))
    return [f"{again} inputs occur more than once"] if again else []


def _leaks(subject: Subject, inputs: Any) -> list[Fault]:
    held_out = subject.held_out
    if held_out is None:
        return []
    known, rows = set(_rows(inputs)), _rows(subject.unlabelled(held_out[0]))
    shared = sum(row in known for row in rows)
    # Small whole-numbered inputs coincide by themselves.
    if shared <= 0.01 * len(rows) or len(known) < 0.9 * size(inputs):
        return []
    what = f"{shared} of {len(rows)} validation examples are among the training examples"
    return [(what, "split before examples are copied or oversampled", "split-leak")]


def _classes(targets: Tensor) -> tuple[list[Fault], list[str]]:
    """Counts, and order, of class ids."""
    if targets.is_floating_point() or targets.ndim != 1:
        same = targets.is_floating_point() and len(targets) > 1 and bool((targets == targets[:1]).all())
        return ([("all targets are equal", "look at how targets are read", "data-constant")] if same else []), []
    ids, counts = targets.unique(return_counts=True)
    if len(ids) == 1 and len(targets) > 1:
        fault = (
            f"all examples read are of class {int(ids[0])}",
            "mix the classes before training",
            "data-not-shuffled",
        )
        return [fault], []
    notes: list[str] = []
    # A class that is seen n times by chance has n + 2 sqrt(n) + 2 and more as easily.
    rare_at_best = float(counts.min()) + 2.0 * math.sqrt(float(counts.min())) + 2.0
    if len(ids) and float(counts.max()) > RARE * rare_at_best:
        rare, often = int(counts.min()), int(counts.max())
        notes.append(f"class counts go from {rare} to {often}: accuracy hides the rare ones")
    # Under mixing, neighbours are of one class as often as chance has it.
    chance = float((counts.double() / len(targets)).square().sum())
    alike = float((targets[1:] == targets[:-1]).double().mean()) if len(targets) > 1 else chance
    error = math.sqrt(max(chance * (1.0 - chance), 1e-12) / max(len(targets) - 1, 1))
    if alike > 0.5 + chance / 2.0 and alike > chance + RUNS * error:
        what = f"{alike:.0%} of neighbours are of one class, {chance:.0%} by chance"
        return [(what, "shuffle: DataLoader(..., shuffle=True)", "data-not-shuffled")], notes
    return [], notes
