"""Are the data fit to learn from: scale, NaN, duplicates, class counts, leaks, order?"""

from __future__ import annotations

import math

import torch
from torch import Tensor

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
        return Check(code=code, name=name, status="skipped", reason="inputs are not tensors of one shape")
    inputs, targets = examples
    for what, values in (("inputs", inputs), ("targets", targets)):
        if values.is_floating_point() and not bool(torch.isfinite(values).all()):
            rows = (~torch.isfinite(values)).reshape(len(values), -1).any(dim=1).nonzero()[:, 0]
            return Check(
                code=code,
                name=name,
                status="failed",
                value=float(len(rows)),
                expected="0 examples with NaN or infinity",
                reason=f"{what} of {len(rows)} examples are NaN or infinite, first in row {int(rows[0])}",
                advice="remove these examples, or fill the gaps",
                cause="data-non-finite",
            )
    faults, notes = _leaks(subject, inputs), [*_repeated(inputs)]
    faults += _scale(inputs) + _constant(inputs)
    more_faults, more_notes = _classes(targets)
    faults, notes = faults + more_faults, notes + more_notes
    size = (
        f"{len(targets):,} examples, root mean square {_size(inputs):.2g}"
        if inputs.is_floating_point()
        else (f"{len(targets):,} examples of whole numbers")
    )
    first = faults[0] if faults else None
    return Check(
        code=code,
        name=name,
        status="failed" if faults else "noted" if notes else "passed",
        value=_size(inputs),
        expected="scaled inputs, no duplicates across the parts, all classes, mixed order",
        reason="; ".join([what for what, _, _ in faults] + notes + [size]),
        advice=first[1] if first else "",
        cause=first[2] if first else "",
    )


Fault = tuple[str, str, str]


def _size(inputs: Tensor) -> float:
    return float(inputs.double().square().mean().sqrt())


def _scale(inputs: Tensor) -> list[Fault]:
    size = _size(inputs)
    if not inputs.is_floating_point() or SMALL <= size <= LARGE or size == 0.0:
        return []
    what = f"inputs have a root mean square of {size:.3g}"
    return [(what, "scale them to zero mean and unit variance", "inputs-not-scaled")]


def _constant(inputs: Tensor) -> list[Fault]:
    if len(inputs) > 1 and bool((inputs == inputs[:1]).all()):
        return [("all inputs are equal", "look at how examples are read", "data-constant")]
    return []


def _rows(inputs: Tensor) -> list[bytes]:
    return [row.numpy().tobytes() for row in inputs.detach().cpu().contiguous()]


def _repeated(inputs: Tensor) -> list[str]:
    again = len(inputs) - len(set(_rows(inputs)))
    return [f"{again} inputs occur more than once"] if again else []


def _leaks(subject: Subject, inputs: Tensor) -> list[Fault]:
    held_out = [x for x, _ in subject.validation if isinstance(x, Tensor)]
    if not held_out:
        return []
    known = set(_rows(inputs))
    shared = sum(row in known for x in held_out for row in _rows(x))
    total = sum(len(x) for x in held_out)
    # Small whole-numbered inputs coincide by themselves.
    if shared <= 0.01 * total or len(known) < 0.9 * len(inputs):
        return []
    what = f"{shared} of {total} validation examples are among the training examples"
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
    if len(ids) and float(counts.max()) > RARE * float(counts.min()):
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
