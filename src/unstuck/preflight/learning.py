"""Can the model learn anything at all?"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from unstuck.preflight.arrangement import main_output, size
from unstuck.preflight.computable import Obstacle, obstacle
from unstuck.preflight.floors import floor
from unstuck.preflight.subject import Subject, called, without_dropout
from unstuck.record.checklist import Check, Curve

__all__ = ["FEW", "RATE", "overfits", "untrainable"]

FEW = 20
"""Examples that any model of use can learn by heart."""
STEPS = 400
"""Steps of Adam in which it must, and as many at ten times the rate; shipped models need 15 to 100 (measured)."""
RATE = 3e-3
FALLEN = 0.05
"""Share of the first loss by which one must fall whose floor is not known (our choice)."""
HALF = 0.5
"""Share of the first loss to which a model must come that has too few parameters for all (our choice)."""
NEARLY = 0.02
"""Share of the first loss, above what the targets allow at best, that counts as nearly zero."""


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
        return untrainable(code, name, stopped)
    curve, least = _trained(subject, model, inputs, targets, steps)
    known = least is not None
    zero = _zero_outputs(subject, model, inputs, targets)
    start = max(curve[0], zero)
    bound = (least or 0.0) + NEARLY * max(start - (least or 0.0), 0.0)
    passed = curve[-1] <= bound or (not known and _fell(curve) and _heeds(subject, model, inputs, targets, curve))
    count = size(targets)
    # A model of fewer parameters than numbers to learn need not succeed; that it learns at all is enough.
    small = sum(p.numel() for p in wanted) < _numbers(subject, inputs, targets)
    small &= not passed and curve[-1] < curve[0]
    low = min(curve[0], zero) if zero > 0.0 else curve[0]
    halved = curve[-1] - (least or 0.0) <= HALF * (low - (least or 0.0))
    return Check(
        code=code,
        name=name,
        status="passed" if passed or (small and halved) else "noted" if small else "failed",
        value=curve[-1],
        expected=_expected(bound, least),
        tolerance=bound,
        reason=f"loss {curve[0]:.4g} to {curve[-1]:.3g} on {count} examples in {len(curve) - 1} steps"
        + _where_it_ended(curve, bound, least)
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


def _trained(
    subject: Subject, model: nn.Module, inputs: Any, targets: Any, steps: int
) -> tuple[list[float], float | None]:
    """The losses of the training, and the least that the targets allow."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=RATE)
    curve: list[float] = []
    least: float | None = None
    bound = -math.inf
    for step in range(2 * steps):
        if step == steps:
            optimizer.param_groups[0]["lr"] = 10.0 * RATE  # what learns slowly learns
        optimizer.zero_grad()
        outputs = called(model, inputs)
        value = subject.loss(outputs, targets)
        curve.append(float(value.detach()))
        if step == 0:
            with torch.no_grad():
                zero = _zero_outputs(subject, model, inputs, targets)
                known = subject.unlabelled(inputs)
                least = floor(subject.declared, known, outputs, targets, curve[0], zero)
                start = max(curve[0], zero)
                bound = (least or 0.0) + NEARLY * max(start - (least or 0.0), 0.0)
        if not math.isfinite(curve[-1]) or curve[-1] <= bound or not value.requires_grad:
            break
        value.backward()
        optimizer.step()
    return curve, least


def _zero_outputs(subject: Subject, model: nn.Module, inputs: Any, targets: Any) -> float:
    """The loss of outputs that are all zero: a start that is lucky by its weights is no reason to ask for more."""
    with torch.no_grad():
        outputs = called(model, inputs)
        if not isinstance(outputs, Tensor):
            return -math.inf
        try:
            return float(subject.loss(torch.zeros_like(outputs), targets))
        except (RuntimeError, ValueError, IndexError):
            return -math.inf


def _fell(curve: list[float]) -> bool:
    """Whether a loss of unknown floor came down by far more than it moves from step to step."""
    late = curve[-max(len(curve) // 4, 1) :]
    return math.isfinite(curve[-1]) and curve[0] - max(late) > FALLEN * abs(curve[0])


def _heeds(subject: Subject, model: nn.Module, inputs: Any, targets: Any, curve: list[float]) -> bool:
    """Whether the inputs of other examples would cost something: a loss also falls where biases alone are learned."""
    if not subject.judges:
        return True
    own, count = subject.unlabelled(inputs), size(targets)
    leaves = [leaf for leaf in pytree.tree_leaves(own) if isinstance(leaf, Tensor)]
    if count < 2 or any(not leaf.ndim or len(leaf) != count for leaf in leaves):
        return True
    others = subject.labelled(pytree.tree_map(lambda leaf: leaf.roll(1, dims=0), own), targets)
    with torch.no_grad():
        cost = float(subject.loss(called(model, others), targets)) - curve[-1]
    unjudged = cost == 0.0 and subject.batches[0][0] is subject.batches[0][1]
    return unjudged or cost > FALLEN * abs(curve[0] - curve[-1])


def _expected(bound: float, least: float | None) -> str:
    if least is None:
        return f"a loss that falls by {FALLEN:.0%}; below what it cannot fall is not known"
    above = f" above {least:.3g}, which its targets leave" if least > 0.0 else ""
    return f"at most {bound:.2g}, {NEARLY:.0%} of the first loss{above}"


def _where_it_ended(curve: list[float], bound: float, least: float | None) -> str:
    if curve[-1] <= bound:
        above = f", where {least:.3g} is the least that its targets allow" if least else ""
        return f"{above} (random pixels can be learned by heart as well: this shows nothing of generalisation)"
    if least is None:
        quarter = len(curve) // 4
        still = quarter > 0 and curve[-quarter - 1] - curve[-1] > NEARLY * abs(curve[0] - curve[-1])
        return f", where it {'falls still' if still else 'stopped falling'}: how far it can fall is not known"
    return f"; {least:.3g} is the least that its targets allow" if least else ""


def _few(subject: Subject) -> tuple[Any, Any]:
    """Few examples; the whole first batch where the model does not take these, as that of a graph."""
    whole = subject.first
    inputs, targets = subject.examples or whole
    count = size(targets)

    def few(leaf: Any) -> Any:
        return leaf[:FEW] if isinstance(leaf, Tensor) and leaf.ndim and len(leaf) == count else leaf

    taken = pytree.tree_map(few, (inputs, targets))  # pyright: ignore[reportUnknownMemberType]
    try:
        with torch.no_grad():
            subject.loss(called(subject.twin(), taken[0]), taken[1])
    except Exception:  # a model may raise anything of examples that it was not given together
        return whole
    return taken


def _numbers(subject: Subject, inputs: Any, targets: Any) -> int:
    """Numbers that the examples hold: of a class id as many as there are classes."""
    leaves = [leaf for leaf in pytree.tree_leaves(targets) if isinstance(leaf, Tensor)]
    numbers = sum(leaf.numel() for leaf in leaves)
    if len(leaves) != 1 or leaves[0].is_floating_point():
        return numbers
    with torch.no_grad():
        outputs = main_output(called(subject.twin().eval(), inputs))
    return outputs.numel() if outputs is not None and outputs.ndim > 1 else numbers


def untrainable(code: str, name: str, stopped: Obstacle | None) -> Check:
    """The check in place of one that would train, where nothing can be trained."""
    reason = "there is no finite loss; see outputs fit" if stopped else "no parameter requires a gradient"
    return Check(code=code, name=name, status="skipped", reason=reason)
