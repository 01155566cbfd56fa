"""Loss functions are known by their values, in whatever way they are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.preflight import initial_loss
from unstuck.preflight.families import declared_family, recognised

C, N = 10, 400
DRAWN = torch.Generator().manual_seed(0)
SCORES, IDS = torch.randn(N, C, generator=DRAWN), torch.randint(C, (N,), generator=DRAWN)
TOKENS, WORDS = torch.randn(8, 6, C, generator=DRAWN), torch.randint(C, (8, 6), generator=DRAWN)
SOFT = torch.rand(N, C, generator=DRAWN)
Loss = Callable[[Tensor, Tensor], Tensor]


def margin(scores: Tensor, y: Tensor) -> Tensor:
    return (scores - scores.gather(1, y[:, None]) + 1).clamp(min=0).scatter(1, y[:, None], 0.0).sum(1).mean()


def with_own(scores: Tensor, y: Tensor) -> Tensor:
    return (scores - scores.gather(1, y[:, None]) + 1).clamp(min=0).sum(1).mean()


def own_share(scores: Tensor, y: Tensor) -> Tensor:
    return with_own(scores, y) / scores.shape[1]


WRITTEN: dict[str, tuple[Loss, Tensor, Tensor, float, float, str]] = {
    "nll": (lambda o, t: -o.log_softmax(1)[range(N), t].mean(), SCORES, IDS, math.log(C), 1.0, "ln C"),
    "sum": (lambda o, t: functional.cross_entropy(o, t, reduction="sum"), SCORES, IDS, math.log(C), N, "ln C"),
    "reshaped": (
        lambda o, t: functional.cross_entropy(o.reshape(-1, C), t.reshape(-1)),
        *(TOKENS, WORDS, math.log(C), 1.0, "ln C"),
    ),
    "shifted": (
        lambda o, t: functional.cross_entropy(o[:, :-1].reshape(-1, C), t[:, 1:].reshape(-1)),
        *(TOKENS, WORDS, math.log(C), 1.0, "ln C"),
    ),
    "flat": (
        lambda o, t: functional.cross_entropy(o, t.reshape(-1)),
        *(TOKENS.reshape(-1, C), WORDS, math.log(C), 1.0, "ln C"),
    ),
    "mean over classes too": (
        lambda o, t: -(functional.one_hot(t, C) * o.log_softmax(1)).mean(),
        *(SCORES, IDS, math.log(C) / C, 1.0, "(ln C) / C"),
    ),
    "mean of one-hot rows": (
        lambda o, t: -(t * o.log_softmax(1)).mean(),
        *(SCORES, functional.one_hot(IDS, C).float(), math.log(C) / C, 1.0, "(ln C) / C"),
    ),
    "half squares": (
        lambda o, t: 0.5 * (o - t).square().mean(),
        *(SCORES, SOFT, 0.5 * float(SOFT.square().mean()), 1.0, "half the mean square"),
    ),
    "logarithms": (functional.nll_loss, SCORES.log_softmax(1), IDS, math.log(C), 1.0, "ln C"),
    "probabilities": (
        lambda o, t: -o[range(N), t].log().mean(),
        *(SCORES.softmax(1), IDS, math.log(C), 1.0, "ln C"),
    ),
    "pixels between 0 and 1": (
        lambda o, t: functional.binary_cross_entropy(o, t),
        *(SCORES.sigmoid(), SOFT, math.log(2), 1.0, "ln 2"),
    ),
    "margin": (margin, SCORES, IDS, C - 1.0, 1.0, "C - 1"),
    "summed pixels": (
        lambda o, t: functional.binary_cross_entropy_with_logits(o, t, reduction="none").sum(1).mean(),
        *(SCORES, SOFT, math.log(2), C, "ln 2"),
    ),
    "squares": (lambda o, t: (o - t).square().mean(), SCORES, SOFT, float(SOFT.square().mean()), 1.0, "mean square"),
    "soft": (
        lambda o, t: -(t * o.log_softmax(1)).sum(1).mean(),
        *(SCORES, SOFT.softmax(1), math.log(C), 1.0, "ln C"),
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_loss_of_ones_own_is_known_by_its_values(name: str) -> None:
    loss, outputs, targets, expected, factor, formula = WRITTEN[name]
    uniform = float(loss(torch.zeros_like(outputs), targets))
    for zero in (uniform, math.nan):
        found = recognised(outputs, targets, float(loss(outputs, targets)), zero)
        assert found is not None
        family, times = found
        assert (family.expected, times) == (pytest.approx(expected), factor)
        assert family.formula.startswith(formula)
        assert not family.fault


def test_what_is_none_of_them_is_not_known() -> None:
    focal = lambda o, t: (
        (1 - o.softmax(1)[range(N), t]) ** 2 * functional.cross_entropy(o, t, reduction="none")
    ).mean()
    for loss in (focal, lambda o, t: 1.1 * functional.cross_entropy(o, t), lambda o, t: o.square().mean()):
        value, uniform = float(loss(SCORES, IDS)), float(loss(torch.zeros_like(SCORES), IDS))
        assert recognised(SCORES, IDS, value, uniform) is None
        assert recognised(SCORES, IDS, value, math.nan) is None


def test_functions_of_torch_are_known_by_name() -> None:
    weighted = nn.CrossEntropyLoss(weight=torch.rand(C), ignore_index=3, label_smoothing=0.1)
    family = declared_family(weighted, SCORES, IDS)
    assert family is not None
    assert len(family.each) == int((IDS != 3).sum())
    assert family.floor > 0.4
    assert declared_family(nn.MultiMarginLoss(p=2), SCORES, IDS) is None
    assert declared_family(nn.L1Loss(), SCORES, SOFT) is None
    assert declared_family(nn.NLLLoss(), SCORES, IDS) is None  # of scores it is none
    for loss, outputs, targets, expected in (
        (nn.NLLLoss(), SCORES.log_softmax(1), IDS, math.log(C)),
        (nn.BCELoss(), SCORES.sigmoid(), SOFT, math.log(2)),
    ):
        known = declared_family(loss, outputs, targets)
        assert known is not None
        assert known.expected == pytest.approx(expected)
        assert float(known.each.mean()) == pytest.approx(float(loss(outputs, targets)), rel=1e-4)


class Given(nn.Module):
    """Scores of a given spread, of nothing."""

    def __init__(self, spread: float, classes: int) -> None:
        super().__init__()
        self.spread, self.classes = spread, classes

    def forward(self, x: Tensor) -> Tensor:
        drawn = torch.Generator().manual_seed(5)
        return self.spread * torch.randn(len(x), self.classes, generator=drawn)


def first(loss: Any, classes: int, spread: float = 0.01) -> Any:
    y = torch.randint(classes, (500,), generator=torch.Generator().manual_seed(1))
    check = initial_loss(Given(spread, classes), loss, [(torch.zeros(500, 2), y)])
    assert check is not None
    return check


@pytest.mark.parametrize("classes", [3, 10, 100])
def test_scores_of_a_hundredth_give_c_minus_1_to_three_digits(classes: int) -> None:
    check = first(margin, classes)
    assert check.expected == classes - 1
    assert check.value == pytest.approx(classes - 1, rel=2e-3)
    assert check.tolerance < 0.03 * (classes - 1)
    assert check.passed, str(check)


@pytest.mark.parametrize("classes", [3, 10, 100])
@pytest.mark.parametrize("loss", [with_own, own_share])
def test_a_margin_that_counts_the_right_class_is_found(classes: int, loss: Loss) -> None:
    check = first(loss, classes)
    assert not check.passed
    assert "j = y" in check.advice


@pytest.mark.parametrize("spread", [0.01, 0.65, 3.0])
def test_the_bound_that_found_it_is_the_one_that_is_said(spread: float) -> None:
    check = first(with_own, C, spread)
    assert check.value - check.expected == pytest.approx(1.0, rel=1e-4)
    assert 0.0 < check.tolerance < 0.1 < abs(check.value - check.expected)
    assert "the same outputs" in str(check)
    right = first(margin, C, spread)
    assert right.value == pytest.approx(check.expected, rel=1e-5)


@pytest.mark.parametrize(("factor", "passed"), [(0.98, False), (0.99, True), (1.0, True), (1.01, True), (1.02, False)])
def test_the_bound_fails_from_both_sides(factor: float, passed: bool) -> None:
    """A loss that is known by name, of outputs that hardly spread."""

    y = torch.randint(C, (500,), generator=torch.Generator().manual_seed(1))
    loss = lambda o, t: factor * functional.cross_entropy(o, t)
    check = initial_loss(Given(0.04, C), loss, [(torch.zeros(500, 2), y)], declared=functional.cross_entropy)
    assert check is not None
    assert check.passed == passed, str(check)
