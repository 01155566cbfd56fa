"""Can the model learn anything at all, and is there anything in the data to learn?"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.preflight.computable import Obstacle, obstacle
from unstuck.preflight.subject import Subject, copied, without_dropout
from unstuck.record.checklist import Check, Curve

__all__ = ["data_says_something", "overfits"]

FEW = 20
"""Examples that any model of use can learn by heart."""
STEPS = 400
"""Steps of Adam in which it must, and as many at ten times the rate; shipped models need 15 to 100 (measured)."""
RATE = 3e-3
NEARLY = 0.02
"""Share of the first loss, above what the targets allow at best, that counts as nearly zero."""
ROUND, ROUNDS = 40, 8
"""Steps after which it is seen whether labels matter by now, and how often at most."""
STANDARD_ERRORS = 3.0
MEASURED = 512
"""Examples whose losses are compared."""


def overfits(subject: Subject, *, steps: int = STEPS) -> Check:
    """Train a copy on 20 examples until it knows them by heart: dropout and weight decay off, always the same batch.

    A failure means that the loop is cut somewhere: wrong loss, detached graph, labels apart from inputs within a row,
    or far too small a model. A success shows that learning works, and nothing of generalisation.
    """
    name, code = "overfits 20 examples", "P110"
    inputs, targets = _few(subject)
    model = without_dropout(subject.twin())
    subject.seeded()
    wanted = [p for p in model.parameters() if p.requires_grad]
    stopped = obstacle(subject)
    if not wanted or stopped is not None:
        return _untrainable(code, name, stopped)
    optimizer = torch.optim.Adam(wanted, lr=RATE)
    curve: list[float] = []
    bound = _nearly_zero(subject, model, inputs, targets)
    for step in range(2 * steps):
        if step == steps:
            optimizer.param_groups[0]["lr"] = 10.0 * RATE  # what learns slowly learns
        optimizer.zero_grad()
        value = subject.loss(model(inputs), targets)
        curve.append(float(value.detach()))
        if not math.isfinite(curve[-1]) or curve[-1] <= bound:
            break
        if not value.requires_grad:
            break
        value.backward()
        optimizer.step()
    passed = curve[-1] <= bound
    count = len(targets)
    # A model of fewer parameters than numbers to learn need not succeed; that it learns at all is enough.
    small = sum(p.numel() for p in wanted) < targets.numel() * _choices(subject, inputs, targets)
    small &= not passed and curve[-1] < curve[0]
    return Check(
        code=code,
        name=name,
        status="passed" if passed else "noted" if small else "failed",
        value=curve[-1],
        expected=f"at most {bound:.2g}, {NEARLY:.0%} of the first loss",
        tolerance=bound,
        reason=f"loss {curve[0]:.4g} to {curve[-1]:.2g} on {count} examples in {len(curve) - 1} steps"
        + (" (random pixels can be learned by heart as well: this shows nothing of generalisation)" if passed else "")
        + ("; the model has fewer parameters than they need" if small else ""),
        advice=""
        if passed or small
        else "not even these are learned: look at gradient, loss, last activation, and size of the model",
        cause="" if passed or small else "capacity-too-small",
        curves=(
            Curve(
                title=f"Loss on {count} examples learned by heart",
                across="step",
                up="loss",
                x=tuple(float(i) for i in range(len(curve))),
                y=tuple(curve),
                log_y=min(curve) > 0.0,
                level=bound,
            ),
        ),
    )


def data_says_something(subject: Subject) -> Check:
    r"""Train a copy shortly, then compare its loss with that under shuffled labels and that of zeroed inputs.

    Losses of single examples give the sampling error: the mean difference must exceed three times
    :math:`s / \sqrt{N}`.
    """
    name, code = "labels and inputs matter", "P111"
    examples = subject.examples
    if examples is None or len(examples[1]) < 2 * FEW or not examples[0].is_floating_point():
        return Check(code=code, name=name, status="skipped", reason="it needs 40 examples with inputs of real numbers")
    model = without_dropout(subject.twin())
    wanted = [p for p in model.parameters() if p.requires_grad]
    stopped = obstacle(subject)
    if not wanted or stopped is not None:
        return _untrainable(code, name, stopped)
    subject.seeded()
    optimizer = torch.optim.Adam(wanted, lr=RATE)
    rows: list[tuple[str, float, float]] = []
    failed = True
    steps = 0
    while failed and steps < ROUND * ROUNDS:
        without_dropout(model)
        for step in range(steps, steps + ROUND):
            optimizer.param_groups[0]["lr"] = RATE if step < ROUND else 3.0 * RATE
            inputs, targets = copied(subject.batches[step % len(subject.batches)])
            optimizer.zero_grad()
            value = subject.loss(model(inputs), targets)
            if not value.requires_grad:
                return _detached(code, name)
            value.backward()
            optimizer.step()
        steps += ROUND
        rows = _costs(subject, model.eval(), *examples)
        failed = any(gap <= error for _, gap, error in rows)
    told = "; ".join(f"{what} cost {gap:+.3g} (more than {error:.2g} is no chance)" for what, gap, error in rows)
    return Check(
        code=code,
        name=name,
        status="failed" if failed else "passed",
        value=min(gap for _, gap, _ in rows),
        expected="a higher loss for shuffled labels and for zeroed inputs",
        tolerance=max(error for _, _, error in rows),
        reason=f"after {steps} steps: {told}",
        advice="the data say nothing of the targets: check that labels belong to their inputs, and that inputs arrive"
        if failed
        else "",
        cause="labels-mismatched" if failed else "",
    )


def _costs(subject: Subject, model: nn.Module, inputs: Tensor, targets: Tensor) -> list[tuple[str, float, float]]:
    """What shuffled labels and zeroed inputs add to the loss, each with three standard errors."""
    count = min(len(targets), MEASURED)
    inputs, targets = inputs[:count], targets[:count]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(subject.seed)).to(targets.device)
    with torch.no_grad():
        right = _each(subject, model, inputs, targets)
        shuffled = _each(subject, model, inputs, targets[order])
        zeroed = _each(subject, model, torch.zeros_like(inputs), targets)
    return [("shuffled labels", *_gap(shuffled, right)), ("zeroed inputs", *_gap(zeroed, right))]


def _few(subject: Subject) -> tuple[Any, Tensor]:
    inputs, targets = subject.first
    examples = subject.examples
    if examples is not None:
        inputs, targets = examples
    return (inputs[:FEW], targets[:FEW]) if isinstance(inputs, Tensor) else (inputs, targets)


def _nearly_zero(subject: Subject, model: nn.Module, inputs: Any, targets: Tensor) -> float:
    """The loss that counts as nearly zero: a share of what knowing nothing costs, above the least possible."""
    floor = _floor(subject, inputs, targets)
    with torch.no_grad():
        outputs = model(inputs)
        start = float(subject.loss(outputs, targets))
        if isinstance(outputs, Tensor):
            # A start that is lucky by its weights is no reason to ask for more.
            start = max(start, float(subject.loss(torch.zeros_like(outputs), targets)))
    return floor + NEARLY * max(start - floor, 0.0)


def _choices(subject: Subject, inputs: Any, targets: Tensor) -> int:
    """Numbers that the model gives for each number of a target: the classes of a class id."""
    if targets.is_floating_point():
        return 1
    with torch.no_grad():
        outputs = subject.twin().eval()(inputs)
    return outputs.shape[1] if isinstance(outputs, Tensor) and outputs.ndim > 1 else 1


def _floor(subject: Subject, inputs: Any, targets: Tensor) -> float:
    """The least loss possible: that of squared error is 0, but soft targets leave an entropy."""
    smoothing = float(getattr(subject.loss, "label_smoothing", 0.0))
    if not smoothing:
        return 0.0
    with torch.no_grad():
        classes = subject.twin().eval()(inputs).shape[1]
    off = smoothing / classes
    on = 1.0 - smoothing + off
    return -on * math.log(on) - (classes - 1) * off * math.log(off)


def _each(subject: Subject, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    outputs = model(inputs)
    return torch.stack([subject.loss(outputs[i : i + 1], targets[i : i + 1]).reshape(()) for i in range(len(targets))])


def _gap(worse: Tensor, right: Tensor) -> tuple[float, float]:
    difference = (worse - right).double()
    return float(difference.mean()), STANDARD_ERRORS * float(difference.std()) / math.sqrt(len(difference))


def _untrainable(code: str, name: str, stopped: Obstacle | None) -> Check:
    reason = "there is no finite loss; see outputs fit" if stopped else "no parameter requires a gradient"
    return Check(code=code, name=name, status="skipped", reason=reason)


def _detached(code: str, name: str) -> Check:
    return Check(
        code=code,
        name=name,
        status="failed",
        reason="no gradient comes back from the loss to any parameter",
        advice="look for detach(), no_grad() or item() between the model and the loss",
        cause="graph-detached",
    )
