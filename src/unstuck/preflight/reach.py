"""Does every parameter get a gradient, does the optimizer hold it, and what flows at the start?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from unstuck.gradcheck.analytic import backward
from unstuck.gradcheck.reentrant import opened
from unstuck.init.statistics import activation_statistics
from unstuck.preflight.distributions import of_activations, of_gradients
from unstuck.preflight.subject import Subject, called
from unstuck.record.checklist import Check, Curve
from unstuck.record.finding import Where

__all__ = ["flow", "parameters_reached", "repeats"]

SHOWN = 3
SPREAD = 1e3
"""Ratio of the activations' or the gradients' spread between layers above which signal is lost (our choice)."""
DEAD = 0.95
"""Share of zeros above which a layer passes next to nothing on (our choice)."""


def parameters_reached(subject: Subject) -> Check:
    """Differentiate the loss once, and compare with what the optimizer holds."""
    gradients = _gradients(subject)
    everything = dict(subject.model.named_parameters())
    wanted = {name: p for name, p in everything.items() if p.requires_grad}
    none = [name for name in wanted if gradients[name] is None]
    zero = [name for name in wanted if _is_zero(gradients[name]) and not _cancels(name, gradients)]
    loose: list[str] = []
    foreign = 0
    if subject.optimizer is not None:
        held = {id(p) for group in subject.optimizer.param_groups for p in group["params"]}
        loose = [name for name, p in wanted.items() if id(p) not in held]
        foreign = len(held - {id(p) for p in everything.values()})
    whole = [name for name, p in everything.items() if not (p.is_floating_point() or p.is_complex())]
    frozen = len(everything) - len(wanted) - len(whole)
    if everything and not wanted:
        return Check(
            code="P105",
            name="parameters are reached",
            status="failed",
            value=float(len(everything)),
            expected="0",
            reason=f"no parameter requires a gradient: all {len(everything)} tensors are frozen or of whole numbers",
            advice="set requires_grad to True on those that training is to change",
            cause="parameters-not-optimized",
        )
    faults = [
        (none, "get no gradient", _cut(subject, none), "graph-detached"),
        (loose, "are not held by the optimizer", "give it model.parameters()", "parameters-not-optimized"),
    ]
    for names, what, advice, cause in faults:
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            return Check(
                code="P105",
                name="parameters are reached",
                status="failed",
                value=float(len(names)),
                expected="0",
                reason=f"{', '.join(names[:SHOWN])}{more} {what}",
                advice=advice,
                cause=cause,
                where=Where(parameter=names[0]),
            )
    notes = [
        *([f"{', '.join(zero[:SHOWN])} with a gradient of zero"] if zero else []),
        *([f"{', '.join(whole[:SHOWN])} of whole numbers, which no training changes"] if whole else []),
        *([f"{frozen} frozen"] if frozen else []),
        *([f"the optimizer holds {foreign} of other models"] if foreign else []),
    ]
    held_by = "" if subject.optimizer is None else " and is held by the optimizer"
    return Check(
        code="P105",
        name="parameters are reached",
        status="noted" if zero or foreign or whole else "passed",
        value=0.0,
        expected="0",
        reason=f"each of {len(wanted)} tensors gets a gradient{held_by}" + (f"; {'; '.join(notes)}" if notes else ""),
        advice="units may be dead, or weights all zero" if zero else "",
    )


def _cut(subject: Subject, names: Sequence[str]) -> str:
    """Where to look for what cuts parameters off."""
    with opened():
        reached = _gradients(subject)
    if any(reached[name] is not None for name in names):
        return "pass use_reentrant=False to torch.utils.checkpoint: reentrant, it needs inputs that require a gradient"
    return "look for detach(), no_grad() or a layer that is never called"


def _is_zero(gradient: Tensor | None) -> bool:
    return gradient is not None and not bool(gradient.any())


def _cancels(name: str, gradients: dict[str, Tensor | None]) -> bool:
    """Whether a bias beside a weight that learns has no influence: it cancels, as in the difference of two outputs."""
    weight = gradients.get(f"{name.rpartition('.')[0]}.weight")
    return name.endswith("bias") and weight is not None and bool(weight.any())


def flow(subject: Subject) -> Check:
    """Look at activations and gradients by layer at the start: their spread must not vanish or explode with depth."""
    name, code = "signal and gradient flow", "P106"
    inputs, _ = subject.first
    layers = list(activation_statistics(subject.model, inputs))
    gradients = {n: g for n, g in _gradients(subject).items() if g is not None and g.ndim > 1}
    spread = {layer.layer: layer.std for layer in layers}
    sizes = {n: float(g.square().mean().sqrt()) for n, g in gradients.items()}
    dead = [layer.layer for layer in layers if layer.zero >= DEAD]
    faults = [f"{layer} is {DEAD:.0%} zeros" for layer in dead]
    for what, values in (("activations", spread), ("gradients", sizes)):
        positive = {n: v for n, v in values.items() if v > 0.0 and math.isfinite(v)}
        if len(positive) > 1:
            low, high = min(positive, key=positive.__getitem__), max(positive, key=positive.__getitem__)
            if positive[high] > SPREAD * positive[low]:
                faults.append(f"{what} go from {positive[low]:.1e} ({low}) to {positive[high]:.1e} ({high})")
    reason = "; ".join(faults) or _ranges(spread, sizes)
    curves = tuple(
        Curve(
            title=title,
            across="layer",
            up=up,
            x=tuple(map(float, range(len(v)))),
            y=tuple(v.values()),
            labels=tuple(v),
            log_y=True,
        )
        for title, up, v in (
            ("Spread of the activations by layer", "standard deviation", spread),
            ("Size of the gradients by weight", "root mean square", sizes),
        )
        if v
    )
    return Check(
        code=code,
        name=name,
        status="failed" if faults else "passed",
        value=max(spread.values(), default=math.nan),
        expected=f"a spread within a factor of {SPREAD:g} over the layers, and units alive",
        tolerance=SPREAD,
        reason=reason,
        advice="initialise by unstuck.init.initialize(model), which scales each layer by its activation"
        if faults
        else "",
        cause="init-scale-wrong" if faults else "",
        curves=curves,
        histograms=(*of_activations(layers), *of_gradients(gradients)),
    )


def repeats(subject: Subject) -> Check:
    """Compute loss and gradient twice from one seed: the same numbers must come out."""
    name, code = "repeats itself", "P108"
    first, second = (_loss_and_gradient(subject) for _ in range(2))
    if not all(map(math.isfinite, first)):
        return Check(code=code, name=name, status="skipped", reason=f"the first loss is {first[0]}, or its gradient is")
    difference = max(abs(a - b) for a, b in zip(first, second, strict=True))
    passed = difference <= 1e-6 * max(abs(first[0]), 1e-12)
    return Check(
        code=code,
        name=name,
        status="passed" if passed else "failed",
        value=difference,
        expected="0 between two runs of one seed",
        reason=f"two runs of one seed give {'the same loss' if passed else f'losses that differ by {difference:.2g}'}",
        advice="" if passed else "draw from torch's, NumPy's or Python's global generators only, or seed your own",
        cause="" if passed else "not-repeatable",
    )


def _loss_and_gradient(subject: Subject) -> tuple[float, float]:
    subject.seeded()
    model = subject.twin()
    inputs, targets = subject.first
    value = subject.loss(called(model, inputs), targets)
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not value.requires_grad or not wanted:
        return float(value.detach()), 0.0
    grads = backward(value, wanted)
    return float(value.detach()), sum(float(g.norm()) for g in grads.values() if g is not None)


def _gradients(subject: Subject) -> dict[str, Tensor | None]:
    subject.seeded()
    model = subject.twin()
    inputs, targets = subject.first
    value = subject.loss(called(model, inputs), targets)
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not value.requires_grad or not named:
        return dict.fromkeys(named)
    grads = backward(value, named)
    return {name: g.to_dense() if g is not None and g.is_sparse else g for name, g in grads.items()}


def _ranges(spread: dict[str, float], sizes: dict[str, float]) -> str:
    parts = [
        f"{what} between {min(values.values()):.2g} and {max(values.values()):.2g}"
        for what, values in (("activations spread", spread), ("gradients", sizes))
        if values
    ]
    return "; ".join(parts) or "there are no layers to look at"
