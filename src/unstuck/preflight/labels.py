"""Is there anything in the data to learn?"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from unstuck.preflight.computable import obstacle
from unstuck.preflight.learning import FEW, RATE, untrainable
from unstuck.preflight.subject import Subject, copied, without_dropout
from unstuck.record.checklist import Check

__all__ = ["data_says_something"]

ROUND, ROUNDS = 40, 8
"""Steps after which it is seen whether labels matter by now, and how often at most."""
STANDARD_ERRORS = 3.0
MEASURED = 512
"""Examples whose losses are compared."""
TELLING = 200
"""Examples held out from which labels that do not carry over are a fault: a weak relation needs as many (ours)."""

Gap = tuple[str, float, float]
"""What was changed, what it adds to the mean loss, and three standard errors of that."""


def data_says_something(subject: Subject) -> Check:
    r"""Train a copy shortly, then compare its loss with that under shuffled labels and that of zeroed inputs.

    Labels are compared on examples that it was not trained on, the validation part or a quarter held back, for random
    labels can be learned by heart. Losses of single examples give the sampling error: the mean difference must exceed
    three times :math:`s / \sqrt{N}`.
    """
    name, code = "labels and inputs matter", "P111"
    parts = _parts(subject)
    if parts is None:
        return Check(code=code, name=name, status="skipped", reason="it needs 40 examples in tensors of one shape")
    known, unseen = parts
    model = without_dropout(subject.twin())
    wanted = [p for p in model.parameters() if p.requires_grad]
    stopped = obstacle(subject)
    if not wanted or stopped is not None:
        return untrainable(code, name, stopped)
    subject.seeded()
    optimizer = torch.optim.Adam(wanted, lr=RATE)
    batches = list(zip(*(part.split(len(subject.batches[0][1])) for part in known), strict=True))
    rows: list[Gap] = []
    steps = 0
    while not (rows and all(map(_told, rows))) and steps < ROUND * ROUNDS:
        without_dropout(model)
        for step in range(steps, steps + ROUND):
            optimizer.param_groups[0]["lr"] = RATE if step < ROUND else 3.0 * RATE
            inputs, targets = copied(batches[step % len(batches)])
            optimizer.zero_grad()
            value = subject.loss(model(inputs), targets)
            if not value.requires_grad:
                return _detached(code, name)
            value.backward()
            optimizer.step()
        steps += ROUND
        model.eval()
        rows = [_shuffled(subject, model, *unseen), *_zeroed(subject, model, *known)]
    by_heart = not _told(rows[0]) and all(map(_told, [*rows[1:], _shuffled(subject, model, *known)]))
    passed = all(map(_told, rows))
    told = "; ".join(f"{what} cost {gap:+.3g} (more than {error:.2g} is no chance)" for what, gap, error in rows)
    count = len(unseen[1])
    unsure = by_heart and count < TELLING
    return Check(
        code=code,
        name=name,
        status="passed" if passed else "noted" if unsure else "failed",
        value=min(gap for _, gap, _ in rows),
        expected="a higher loss for shuffled labels, on examples held out, and for zeroed inputs",
        tolerance=max(error for _, _, error in rows),
        reason=f"after {steps} steps, labels of {count} examples held out: {told}",
        advice=""
        if passed
        else "labels are learned by heart, and nothing of it holds for other examples: check that labels belong to "
        "their inputs" + (f"; {count} held out are too few to be sure" if unsure else "")
        if by_heart
        else "the data say nothing of the targets: check that labels belong to their inputs, and that inputs arrive",
        cause="" if passed or unsure else "labels-mismatched",
    )


def _parts(subject: Subject) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]] | None:
    """Examples to train on, and others to measure on."""
    examples = subject.examples
    if examples is None or len(examples[1]) < 2 * FEW:
        return None
    inputs, targets = examples
    held_out = replace(subject, batches=subject.validation).examples if subject.validation else None
    if held_out is not None and len(held_out[1]) >= FEW and held_out[0].shape[1:] == inputs.shape[1:]:
        return examples, held_out
    order = _order(subject, len(targets)).to(targets.device)
    back, rest = order[: len(order) // 4], order[len(order) // 4 :]
    return (inputs[rest], targets[rest]), (inputs[back], targets[back])


def _order(subject: Subject, count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(subject.seed))


def _shuffled(subject: Subject, model: nn.Module, inputs: Tensor, targets: Tensor) -> Gap:
    """What shuffled labels add to the loss, with three standard errors."""
    inputs, targets = inputs[:MEASURED], targets[:MEASURED]
    order = _order(subject, len(targets)).to(targets.device)
    with torch.no_grad():
        right = _each(subject, model, inputs, targets)
        return ("shuffled labels", *_gap(_each(subject, model, inputs, targets[order]), right))


def _zeroed(subject: Subject, model: nn.Module, inputs: Tensor, targets: Tensor) -> list[Gap]:
    """The same of zeroed inputs; none where the model gives no number for these, as where 0 is padding."""
    inputs, targets = inputs[:MEASURED], targets[:MEASURED]
    with torch.no_grad():
        right = _each(subject, model, inputs, targets)
        zeroed = _each(subject, model, torch.zeros_like(inputs), targets)
    if not inputs.is_floating_point() and not bool(torch.isfinite(zeroed).all()):
        return []
    return [("zeroed inputs", *_gap(zeroed, right))]


def _told(row: Gap) -> bool:
    _, gap, error = row
    return gap > error


def _each(subject: Subject, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    outputs = model(inputs.clone())
    return torch.stack([subject.loss(outputs[i : i + 1], targets[i : i + 1]).reshape(()) for i in range(len(targets))])


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
