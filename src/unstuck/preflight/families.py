r"""What loss functions give before training, and what they cannot fall below, by family.

=====================================  ==================  =====================================
Family                                 All outputs zero    Outputs of spread :math:`s` add at most
=====================================  ==================  =====================================
cross-entropy over C classes           :math:`\ln C`       :math:`(1 - 1/C)(s^2 / 2 + s)`
binary cross-entropy of logits         :math:`\ln 2`       :math:`s^2 / 8 + s / 2`
squared error                          mean of :math:`y^2`  :math:`s^2 + 2 s \sqrt{\overline{y^2}}`
margin of Weston and Watkins           :math:`C - 1`       :math:`\sqrt{2}\, s (C - 1)`
=====================================  ==================  =====================================

The first term of a sum is the spread's own, the second that of outputs which happen to go with the targets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.learning.guess import smoothed_entropy

__all__ = ["MATCH", "Family", "declared_family", "recognised"]

OUTPUT_VARIANCE = 2.0
"""Variance of the outputs that a properly initialised last layer may give to inputs of unit second moment: He's."""

MATCH = 1e-3
"""Relative distance of two losses that are the same function."""

SUMS = 1e-4
"""Distance from 1 of a sum of probabilities."""

IGNORED = -100
"""The class id that torch's losses leave out."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """One kind of loss, of certain outputs and targets, as a mean over elements.

    Attributes:
        expected: Its value where all outputs are zero.
        formula: Where that comes from, ``"ln C, C = 10"``.
        allowance: What the spread of the outputs may add, up to that of He's initialisation.
        each: Loss of each element, the first dimension over examples.
        floor: The least value that the targets allow.
        fault: What is wrong with a loss of this kind, and what to do; empty where nothing is.
        own: What that adds to each example.
        scores: Whether outputs of zero are equal scores, as those of probabilities and their logarithms are not.
    """

    expected: float
    formula: str
    allowance: float
    each: Tensor
    floor: float = 0.0
    fault: str = ""
    own: float = 0.0
    scores: bool = True

    @property
    def right(self) -> float:
        """The mean loss of these outputs without the fault."""
        return float(self.each.double().mean()) - self.own

    def times(self, share: float, formula: str) -> Family:
        """The same loss by a constant factor."""
        return replace(
            self,
            expected=share * self.expected,
            formula=formula,
            allowance=share * self.allowance,
            each=share * self.each,
            floor=share * self.floor,
        )

    @property
    def start(self) -> float:
        """The value where all outputs are zero, fault and all."""
        return self.expected + self.own


Build = Callable[[Tensor, Tensor], Family]
Kinds = list[tuple[object, type[nn.Module], Build]]


def recognised(outputs: Tensor, targets: Tensor, value: float, uniform: float) -> tuple[Family, float] | None:
    """Know a loss function of one's own by its values: for these outputs, and for outputs that are all zero.

    Args:
        outputs: What the loss was taken of.
        targets: The targets.
        value: The loss.
        uniform: The loss of outputs that are all zero; NaN where it is not known.

    Returns:
        The family, and the factor by which the loss is more than a mean over elements; None where it is none.
    """
    for family in _candidates(outputs, targets):
        mean = float(family.each.double().mean())
        elements = family.each.numel()
        for factor in dict.fromkeys((1.0, elements / len(outputs), float(len(outputs)), float(elements))):
            alike = math.isclose(value, mean * factor, rel_tol=MATCH)
            compared = family.scores and math.isfinite(uniform)
            alike &= not compared or math.isclose(uniform, family.start * factor, rel_tol=MATCH)
            if alike and family.start > 0.0:
                return family, factor
    return None


def declared_family(loss: object, outputs: Tensor, targets: Tensor) -> Family | None:
    """What is expected of a loss function or module of torch; None for others, and for shapes that it does not take."""
    kinds: Kinds = [
        (functional.cross_entropy, nn.CrossEntropyLoss, _cross_entropy),
        (functional.binary_cross_entropy_with_logits, nn.BCEWithLogitsLoss, _binary),
        (functional.mse_loss, nn.MSELoss, _squared_error),
        (functional.multi_margin_loss, nn.MultiMarginLoss, _torch_margin),
    ]
    if _is(loss, functional.nll_loss, nn.NLLLoss):
        return next(_of_logarithms(outputs, targets), None)
    if _is(loss, functional.binary_cross_entropy, nn.BCELoss) and getattr(loss, "weight", None) is None:
        return next(_of_probabilities(outputs, targets), None)
    for function, module, build in kinds:
        if not _is(loss, function, module):
            continue
        if isinstance(loss, nn.MultiMarginLoss) and not loss.p == loss.margin == 1:
            return None
        if isinstance(loss, nn.CrossEntropyLoss):
            return _cross_entropy(outputs, targets, ignored=loss.ignore_index, smoothing=loss.label_smoothing)
        if isinstance(loss, nn.BCEWithLogitsLoss):
            return _weighted_binary(loss, outputs, targets)
        return build(outputs, targets)
    return None


def _is(loss: object, function: object, module: type[nn.Module]) -> bool:
    return loss is function or type(loss) is module


def _candidates(outputs: Tensor, targets: Tensor) -> Iterator[Family]:
    if targets.is_floating_point():
        if targets.shape == outputs.shape:
            yield from _of_real(outputs, targets)
        return
    for scores, ids in _layouts(outputs, targets):
        classes = scores.shape[1]
        entropy = _cross_entropy(scores, ids)
        yield entropy
        yield entropy.times(1.0 / classes, f"(ln C) / C, a mean over classes too, C = {classes}")
        yield from _of_logarithms(scores, ids)
        yield _margin(scores, ids, share=1.0)
        yield _margin(scores, ids, share=1.0 / classes)
        yield _margin(scores, ids, share=1.0, own=True)
        yield _margin(scores, ids, share=1.0 / classes, own=True)
    if outputs.numel() == targets.numel() and bool(((targets == 0) | (targets == 1)).all()):
        yield _binary(outputs, targets)
        yield from _of_probabilities(outputs, targets)


def _of_real(outputs: Tensor, targets: Tensor) -> Iterator[Family]:
    square = _squared_error(outputs, targets)
    yield square
    yield square.times(0.5, f"half the {square.formula}")
    inside = bool(((targets >= 0.0) & (targets <= 1.0)).all())
    if inside:
        yield _binary(outputs, targets)
        yield from _of_probabilities(outputs, targets)
    if inside and outputs.ndim == 2 and bool(((targets.sum(dim=1) - 1.0).abs() < SUMS).all()):
        classes = outputs.shape[1]
        entropy = _cross_entropy(outputs, targets)
        yield entropy
        yield entropy.times(1.0 / classes, f"(ln C) / C, a mean over classes too, C = {classes}")


def _of_logarithms(outputs: Tensor, targets: Tensor) -> Iterator[Family]:
    """Cross-entropy of logarithms of probabilities, or of probabilities, where that is what outputs are."""
    if outputs.ndim < 2 or targets.is_floating_point():
        return
    for logs in (outputs, outputs.log()):
        if bool((logs.logsumexp(dim=1).abs() < SUMS).all()):
            yield replace(_cross_entropy(logs, targets), scores=False)


def _of_probabilities(outputs: Tensor, targets: Tensor) -> Iterator[Family]:
    """Binary cross-entropy of outputs between 0 and 1."""
    if outputs.numel() == targets.numel() and bool(((outputs >= 0.0) & (outputs <= 1.0)).all()):
        logits = torch.logit(outputs, eps=torch.finfo(outputs.dtype).eps)
        yield replace(_binary(logits, targets), scores=False)


def _layouts(outputs: Tensor, targets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Scores (M, C) and class ids (M,): classes on the second axis or on the last; those of the next token."""
    if outputs.ndim < 2:
        return
    second = outputs.shape[:1] + outputs.shape[2:] == targets.shape
    if second and outputs.shape[1] > 1:
        yield outputs.movedim(1, -1).reshape(-1, outputs.shape[1]), targets.reshape(-1)
    last = outputs.reshape(-1, outputs.shape[-1])
    if len(last) == targets.numel() and outputs.shape[-1] > 1 and (outputs.ndim > 2 or not second):
        yield last, targets.reshape(-1)
    if outputs.ndim == 3 and outputs.shape[:-1] == targets.shape and targets.shape[1] > 1:
        yield outputs[:, :-1].reshape(-1, outputs.shape[-1]), targets[:, 1:].reshape(-1)


def _cross_entropy(outputs: Tensor, targets: Tensor, *, ignored: int = IGNORED, smoothing: float = 0.0) -> Family:
    classes = outputs.shape[1]
    each = functional.cross_entropy(outputs, targets, reduction="none", ignore_index=ignored, label_smoothing=smoothing)
    if targets.is_floating_point():
        floor = float(torch.special.entr(targets.double()).sum(dim=1).mean())
    else:
        each = each[targets != ignored] if each.ndim == 1 else each
        floor = smoothed_entropy(smoothing, classes)
    s = float((outputs - outputs.mean(dim=1, keepdim=True)).double().square().mean().sqrt())
    allowance = (1.0 - 1.0 / classes) * min(OUTPUT_VARIANCE / 2.0, s * s / 2.0 + s)
    formula = f"ln C, C = {classes}"
    return Family(expected=math.log(classes), formula=formula, allowance=allowance, each=each, floor=floor)


def _binary(outputs: Tensor, targets: Tensor) -> Family:
    wanted = targets.reshape(outputs.shape).to(outputs.dtype)  # class ids 0 and 1, in a loss of one's own
    each = functional.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
    p = wanted.double().clamp(0.0, 1.0)
    floor = float((torch.special.entr(p) + torch.special.entr(1.0 - p)).mean())
    s = float(outputs.double().square().mean().sqrt())
    allowance = min(OUTPUT_VARIANCE / 8.0, s * s / 8.0 + s / 2.0)
    return Family(expected=math.log(2.0), formula="ln 2", allowance=allowance, each=each, floor=floor)


def _weighted_binary(loss: nn.BCEWithLogitsLoss, outputs: Tensor, targets: Tensor) -> Family:
    r"""With weights :math:`w` of elements and :math:`c` of positives, equal scores cost :math:`w (c p + 1 - p) \ln 2`.

    The floor of a target :math:`p` is that of :math:`c p` positive and :math:`1 - p` negative ones.
    """
    plain = _binary(outputs, targets)
    if loss.weight is None and loss.pos_weight is None:
        return plain
    each = functional.binary_cross_entropy_with_logits(
        outputs, targets.to(outputs.dtype), weight=loss.weight, pos_weight=loss.pos_weight, reduction="none"
    )
    one = torch.ones((), dtype=torch.float64, device=outputs.device)
    weight, positive = (one if w is None else w.double() for w in (loss.weight, loss.pos_weight))
    p = targets.double().clamp(0.0, 1.0)
    share = positive * p + 1.0 - p
    q = positive * p / share
    mean = float((weight * share).mean())
    return replace(
        plain,
        expected=mean * plain.expected,
        formula=f"{mean:.3g} ln 2, by its weights",
        allowance=mean * plain.allowance,
        each=each,
        floor=float((weight * share * (torch.special.entr(q) + torch.special.entr(1.0 - q))).mean()),
    )


def _squared_error(outputs: Tensor, targets: Tensor) -> Family:
    square = float(targets.double().square().mean())
    each = functional.mse_loss(outputs, targets, reduction="none")
    s = float(outputs.double().square().mean().sqrt())
    allowance = min(OUTPUT_VARIANCE * square, s * s + 2.0 * s * math.sqrt(square))
    return Family(expected=square, formula="mean square of the targets", allowance=allowance, each=each)


def _margin(outputs: Tensor, targets: Tensor, *, share: float, own: bool = False) -> Family:
    """The sum over the wrong classes of max(0, 1 + their score - the right one's): 1 for each at equal scores."""
    classes = outputs.shape[1]
    right = outputs.gather(1, targets.clamp(min=0)[:, None])
    margins = (outputs - right + 1.0).clamp(min=0.0).sum(dim=1) - (0.0 if own else 1.0)
    s = float((outputs - outputs.mean(dim=1, keepdim=True)).double().square().mean().sqrt())
    expected = classes - 1.0
    family = Family(
        expected=expected,
        formula=f"C - 1, C = {classes}",
        allowance=expected * min(math.sqrt(OUTPUT_VARIANCE), math.sqrt(2.0) * s),
        each=margins,
    )
    family = family if share == 1.0 else family.times(share, f"(C - 1) / C, C = {classes}")
    return replace(family, fault=OWN_CLASS, own=share) if own else family


OWN_CLASS = (
    "the margin is summed over the right class too (j = y), which adds 1 to every example: leave it out of the sum"
)


def _torch_margin(outputs: Tensor, targets: Tensor) -> Family:
    return _margin(outputs, targets, share=1.0 / outputs.shape[1])
