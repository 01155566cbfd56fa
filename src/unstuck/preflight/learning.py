"""Can the model learn anything at all?"""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from unstuck.preflight.arrangement import main_output, size
from unstuck.preflight.computable import Obstacle, obstacle
from unstuck.preflight.fall import FALLEN, Fall
from unstuck.preflight.floors import ends
from unstuck.preflight.subject import Subject, called, without_dropout
from unstuck.record.checklist import Check, Curve, Status

__all__ = ["FEW", "RATE", "overfits", "untrainable"]

FEW = 20
"""Examples that any model of use can learn by heart."""
STEPS = 400
"""Steps of Adam in which it must, and as many at ten times the rate; shipped models need 15 to 100 (measured)."""
RATE = 3e-3

ADVICE: dict[Status, str] = {
    "failed": "not even these are learned: look at gradient, loss, last activation, and size of the model",
    "noted": "half of the loss is left: see that the last activation reaches the targets and no layer is too narrow",
}


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
    fall = _trained(subject, model, inputs, targets, steps)
    # A model of fewer parameters than numbers to learn need not succeed; that it learns at all is enough.
    small = sum(p.numel() for p in wanted) < _numbers(subject, inputs, targets) and not fall.arrived
    heard = fall.arrived or _heeds(subject, model, inputs, targets, fall)
    status = _status(fall, small=small, heard=heard)
    bound = fall.bound if math.isfinite(fall.bound) else None
    return Check(
        code=code,
        name=name,
        status=status,
        value=fall.curve[-1],
        expected=fall.expected,
        tolerance=bound,
        reason=f"loss {fall.curve[0]:.4g} to {fall.curve[-1]:.3g} on {size(targets)} examples in "
        f"{len(fall.curve) - 1} steps{fall}" + ("; the model has fewer parameters than they need" if small else ""),
        advice="" if status == "passed" or small else ADVICE[status],
        cause="capacity-too-small" if status == "failed" else "",
        curves=(
            Curve(
                title=f"Loss on {size(targets)} examples learned by heart",
                across="step",
                up="loss",
                x=tuple(float(i) for i in range(len(fall.curve))),
                y=fall.curve,
                log_y=min(fall.curve) > 0.0,
                level=bound,
            ),
        ),
    )


def _status(fall: Fall, *, small: bool, heard: bool) -> Status:
    """A cross where what should be learned by heart is not, or where the inputs play no part."""
    if fall.arrived:
        return "passed"
    if small and fall.curve[-1] < fall.curve[0]:
        return "passed" if fall.halved else "noted"
    if fall.reachable:
        return "passed" if fall.close else "failed"
    if not (fall.fell and heard):
        return "failed"
    return "passed" if fall.least is None or fall.halved else "noted"


def _trained(subject: Subject, model: nn.Module, inputs: Any, targets: Any, steps: int) -> Fall:
    """Train in two phases, the second at a higher rate; where that does harm, the weights of the first come back."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=RATE)
    before = _before(subject, model, inputs, targets)
    fall = _longer(before, subject, model, optimizer, (inputs, targets), steps)
    if fall.arrived or len(fall.curve) < steps:
        return fall
    kept = copy.deepcopy(model.state_dict())
    optimizer.param_groups[0]["lr"] = 10.0 * RATE  # what learns slowly learns
    after = _longer(fall, subject, model, optimizer, (inputs, targets), steps)
    if after.arrived or after.late <= fall.late:
        return after
    model.load_state_dict(kept)
    return fall


def _before(subject: Subject, model: nn.Module, inputs: Any, targets: Any) -> Fall:
    """Where the training begins, without a step of it."""
    with torch.no_grad():
        outputs = called(model, inputs)
        value = float(subject.loss(outputs, targets))
        zero = _zero_outputs(subject, outputs, targets)
        known = ends(subject.declared, subject.unlabelled(inputs), outputs, targets, value, zero)
    return Fall(
        curve=(),
        start=known.start if known else value,
        least=known.least if known else None,
        reachable=known is not None and _one_answer_each(targets),
    )


def _longer(
    fall: Fall, subject: Subject, model: nn.Module, optimizer: torch.optim.Adam, batch: tuple[Any, Any], steps: int
) -> Fall:
    """Take more steps, until nearly nothing is left."""
    inputs, targets = batch
    for _ in range(steps):
        optimizer.zero_grad()
        value = subject.loss(called(model, inputs), targets)
        fall = replace(fall, curve=(*fall.curve, float(value.detach())))
        if not math.isfinite(fall.curve[-1]) or fall.arrived or not value.requires_grad:
            break
        value.backward()
        optimizer.step()
    return fall


def _one_answer_each(targets: Any) -> bool:
    leaves = [leaf for leaf in pytree.tree_leaves(targets) if isinstance(leaf, Tensor)]
    return len(leaves) == 1 and leaves[0].ndim > 0 and leaves[0].numel() == len(leaves[0])


def _zero_outputs(subject: Subject, outputs: Any, targets: Any) -> float:
    """The loss of outputs that are all zero; NaN where it does not take them."""
    if not isinstance(outputs, Tensor):
        return math.nan
    try:
        with torch.no_grad():
            return float(subject.loss(torch.zeros_like(outputs), targets))
    except (RuntimeError, ValueError, IndexError):
        return math.nan


def _heeds(subject: Subject, model: nn.Module, inputs: Any, targets: Any, fall: Fall) -> bool:
    """Whether the inputs of other examples would cost something: a loss also falls where biases alone are learned."""
    if not subject.judges:
        return True
    own, count = subject.unlabelled(inputs), size(targets)
    leaves = [leaf for leaf in pytree.tree_leaves(own) if isinstance(leaf, Tensor)]
    if count < 2 or any(not leaf.ndim or len(leaf) != count for leaf in leaves):
        return True
    others = subject.labelled(pytree.tree_map(lambda leaf: leaf.roll(1, dims=0), own), targets)
    with torch.no_grad():
        cost = float(subject.loss(called(model, others), targets)) - fall.curve[-1]
    unjudged = cost == 0.0 and fall.least is None and subject.batches[0][0] is subject.batches[0][1]
    return unjudged or cost > FALLEN * abs(fall.curve[0] - fall.curve[-1])


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
