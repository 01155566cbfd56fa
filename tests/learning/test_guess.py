"""Guesses and floors, compared with explicit numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from unstuck.learning.guess import (
    commonest,
    constant_guess,
    entropy,
    floor,
    guess,
    of_one_value,
    smoothed_entropy,
    untrained_loss,
)
from unstuck.record.facts import Loss, LossClasses, LossOutput, LossTarget, TargetOutputs

TEN = Loss(
    function="cross_entropy",
    target=LossTarget(shape=(32,), type="class"),
    classes=LossClasses(number=10, counts=(100,) * 10),
)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (TEN, math.log(10) + 9 / 2000),
        (Loss(function="cross_entropy", classes=LossClasses(number=2, counts=(9000, 1000))), 0.3251),
        (Loss(function="binary_cross_entropy_with_logits", target=LossTarget(mean=0.5)), math.log(2)),
        (Loss(function="mse_loss", target=LossTarget(mean=3.0, variance=4.0)), 4.0),
        (
            Loss(
                function="mse_loss",
                reduction="sum",
                output=LossOutput(shape=(32, 3)),
                target=LossTarget(type="real", variance=2.0),
            ),
            192.0,
        ),
        (Loss(function="triplet_margin_loss"), None),
        (Loss(function="mse_loss"), None),
        (Loss(function="cross_entropy", classes=LossClasses(number=3, counts=(50, 0, 0))), None),
    ],
)
def test_the_constant_guess_by_its_formula(loss: Loss, expected: float | None) -> None:
    found = constant_guess(loss, batch=32)
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-3))


def test_an_oracle_for_the_constant_guess() -> None:
    labels = np.random.default_rng(0).choice(4, p=[0.1, 0.2, 0.3, 0.4], size=20_000)
    counts = np.bincount(labels)
    direct = -np.log(counts / counts.sum())[labels].mean()
    loss = Loss(function="nll_loss", classes=LossClasses(number=4, counts=tuple(int(c) for c in counts)))
    assert constant_guess(loss, batch=1) == pytest.approx(direct, rel=1e-3)


def test_what_an_untrained_network_gives() -> None:
    assert untrained_loss(TEN, batch=32) == pytest.approx(math.log(10))
    assert untrained_loss(Loss(function="mse_loss", target=LossTarget(mean=3.0, variance=4.0)), batch=1) == 13.0
    assert untrained_loss(Loss(function="l1_loss"), batch=1) is None
    logarithms = Loss(function="nll_loss", output=LossOutput(operation="LogSoftmax"), classes=LossClasses(number=10))
    assert untrained_loss(logarithms, batch=32) == pytest.approx(math.log(10))
    assert (
        untrained_loss(
            Loss(function="nll_loss", output=LossOutput(operation="Log"), classes=LossClasses(number=10)), batch=32
        )
        is None
    )


def of_outputs(function: str, *, reduction: str = "mean", **each: float) -> Loss:
    target = LossTarget(
        shape=(32, 3),
        type="real",
        mean=0.4,
        variance=50.0,
        each=TargetOutputs(outputs=3, examples=1_000, **{"variance": 2.0, **each}),
    )
    return Loss(function=function, reduction=reduction, output=LossOutput(shape=(32, 3)), target=target)


@pytest.mark.parametrize(
    ("loss", "value", "least"),
    [
        (of_outputs("mse_loss"), 2.0, 0.0),
        (of_outputs("mse_loss", reduction="sum"), 192.0, 0.0),
        (of_outputs("l1_loss", deviation=1.1), 1.1, 0.0),
        (of_outputs("smooth_l1_loss", deviation=0.7), 0.7, 0.0),
        (of_outputs("binary_cross_entropy_with_logits", mean_entropy=0.6, entropy=0.5), 0.6, 0.5),
        (of_outputs("binary_cross_entropy", mean_entropy=0.6, entropy=0.5, reduction="sum"), 57.6, 48.0),
        (of_outputs("cross_entropy", mean_entropy=1.0, entropy=0.4), 1.0, 0.4),
        (of_outputs("cross_entropy", mean_entropy=1.0, entropy=0.4, reduction="sum"), 32.0, 12.8),
        (of_outputs("kl_div", mean_entropy=1.0, entropy=0.4), 0.2, 0.0),
        (of_outputs("kl_div", mean_entropy=1.0, entropy=0.4, reduction="batchmean"), 0.6, 0.0),
        (of_outputs("kl_div", mean_entropy=1.0, entropy=0.4, reduction="sum"), 19.2, 0.0),
        (of_outputs("triplet_margin_loss"), None, 0.0),
        (of_outputs("gaussian_nll_loss"), None, None),
        (Loss(function=None), None, None),
    ],
)
def test_each_output_is_guessed_by_a_constant_of_its_own(loss: Loss, value: float | None, least: float | None) -> None:
    found = constant_guess(loss, batch=32)
    assert found == (None if value is None else pytest.approx(value))
    assert floor(loss, batch=32) == (None if least is None else pytest.approx(least))


@pytest.mark.parametrize(
    ("classes", "target", "same"),
    [
        (LossClasses(number=3, counts=(0, 640, 0)), LossTarget(shape=(32,), type="class"), True),
        (LossClasses(number=3, counts=(1, 640, 0)), LossTarget(shape=(32,), type="class"), False),
        (LossClasses(number=3, counts=(0, 640, 0)), LossTarget(shape=(1,), type="class"), False),
        (LossClasses(), LossTarget(shape=(32, 1), type="real", mean=0.7, variance=1e-17), True),
        (LossClasses(), LossTarget(shape=(32, 1), type="real", mean=0.0, variance=0.0), True),
        (LossClasses(), LossTarget(shape=(32, 1), type="real", mean=0.7, variance=1e-3), False),
        (LossClasses(), LossTarget(), False),
    ],
)
def test_targets_of_one_value(classes: LossClasses, target: LossTarget, same: bool) -> None:
    assert of_one_value(Loss(function="mse_loss", classes=classes, target=target)) == same


def test_outputs_that_each_have_one_target_have_no_guess_although_they_differ() -> None:
    each = TargetOutputs(outputs=3, examples=64.0, variance=0.0)
    target = LossTarget(shape=(32, 3), type="real", mean=0.0, variance=50.0, each=each)
    assert guess(Loss(function="mse_loss", target=target), batch=32) is None


def test_one_example_alone_is_guessed_by_one_constant() -> None:
    loss = of_outputs("mse_loss", variance=0.0)
    assert constant_guess(replace(loss, target=replace(loss.target, shape=(1, 3))), batch=1) == 50.0


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_smoothing_raises_guess_and_floor(smoothing: float) -> None:
    counts = np.array([500, 300, 200])
    loss = Loss(
        function="cross_entropy",
        label_smoothing=smoothing,
        classes=LossClasses(number=3, counts=tuple(int(count) for count in counts)),
    )
    shares = (1 - smoothing) * counts / 1000 + smoothing / 3
    assert constant_guess(loss, batch=8) == pytest.approx(-(shares * np.log(shares)).sum(), abs=2e-3)
    one = np.array([1 - smoothing + smoothing / 3, smoothing / 3, smoothing / 3])
    assert floor(loss, batch=8) == pytest.approx(-(one * np.log(one.clip(1e-300))).sum(), abs=1e-12)


def test_weights_of_classes_shift_the_guess() -> None:
    loss = Loss(
        function="cross_entropy",
        weighted=True,
        classes=LossClasses(number=2, counts=(9000, 1000), weights=(1.0, 9.0)),
    )
    assert constant_guess(loss, batch=8) == pytest.approx(math.log(2), rel=1e-3)
    unseen = Loss(function="cross_entropy", weighted=True, classes=LossClasses(number=2, counts=(9000, 1000)))
    assert constant_guess(unseen, batch=8) is None


def test_the_error_of_a_guess_is_that_of_a_mean() -> None:
    generator = np.random.default_rng(0)

    def found(size: int) -> list[float]:
        return [
            guess(
                Loss(function="cross_entropy", classes=LossClasses(number=3, counts=tuple(map(int, counts)))), batch=1
            )
            for counts in generator.multinomial(size, [0.7, 0.2, 0.1], size=400)
        ]

    several = found(200)
    assert np.std([one.value for one in several]) == pytest.approx(np.mean([one.error for one in several]), rel=0.15)


def test_the_commonest_class() -> None:
    assert commonest(Loss(function="cross_entropy", classes=LossClasses(number=2, counts=(30, 10)))) == 0.75
    assert commonest(Loss(function="binary_cross_entropy", target=LossTarget(distinct=2, mean=0.2))) == 0.8
    assert commonest(Loss(function="mse_loss")) == 0.0


def test_entropies() -> None:
    assert entropy((1.0, 0.0)) == 0.0
    assert smoothed_entropy(0.1, 10) == pytest.approx(0.5003, abs=1e-4)
