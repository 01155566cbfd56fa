from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.rules.trainings import CLASSES, SQUARES, falls, trained
from unstuck.record import Figure, Run, RunWriter, signals
from unstuck.record.facts import EvaluatedLoss, LateLoss, Loss, LossOutput, LossTarget, TargetOutputs
from unstuck.rules.shown import NOTHING_TRAINED, Shown, shown
from unstuck.testing.rules import record

GUESS = float(np.log(4.0))


def kind(folder: Path, losses, *facts, **more) -> str:
    with trained(folder, losses, *facts, **more) as run:
        return shown(run).kind


def of(folder: Path, losses, *facts, **more) -> Shown:
    with trained(folder, losses, *facts, **more) as run:
        return shown(run)


@pytest.mark.parametrize(("steps", "expected"), [(5, "not enough data"), (20, "cannot be told"), (60, "not learnt")])
def test_a_few_steps_do_not_show_that_nothing_is_learnt(tmp_path, steps, expected) -> None:
    assert kind(tmp_path, np.full(steps, GUESS), CLASSES, accuracy=0.25) == expected


@pytest.mark.parametrize(
    ("end", "accuracy", "expected"),
    [
        (0.05, 0.98, "healthy"),
        (0.3, 0.93, "healthy"),
        (0.7, 0.78, "improvable"),
        (1.1, 0.45, "improvable"),
        (GUESS, 0.25, "not learnt"),
        (1.5 * GUESS, 0.25, "not learnt"),
    ],
)
def test_a_classification_is_shown_by_its_accuracy_and_its_loss(tmp_path, end, accuracy, expected) -> None:
    assert kind(tmp_path, falls(GUESS, end), CLASSES, accuracy=accuracy) == expected


@pytest.mark.parametrize(
    ("end", "expected"), [(0.02, "healthy"), (0.15, "healthy"), (0.4, "improvable"), (1.0, "not learnt")]
)
def test_a_regression_is_shown_by_its_loss_against_a_guess(tmp_path, end, expected) -> None:
    assert kind(tmp_path, falls(1.0, end), SQUARES) == expected


@pytest.mark.parametrize(("end", "expected"), [(0.05, "healthy"), (0.5, "improvable"), (1.0, "not learnt")])
def test_a_loss_with_a_floor_of_zero_is_measured_from_its_start(tmp_path, end, expected) -> None:
    assert kind(tmp_path, falls(1.0, end), Loss(function="huber_loss")) == expected


def test_the_figures_are_the_evidence(tmp_path) -> None:
    own = of(
        tmp_path,
        falls(GUESS, 0.05),
        CLASSES,
        accuracy=0.98,
        evaluations={signals.VALIDATION_ACCURACY: [0.9, 0.95, 0.97]},
    )
    assert [(f.what, f.unit) for f in own.figures] == [
        ("training accuracy", "share"),
        ("validation accuracy", "share"),
        ("loss", "loss"),
    ]
    assert own.figures[0].value == pytest.approx(0.98)
    assert own.figures[0].guess == 0.25
    assert own.figures[2].guess == pytest.approx(GUESS, rel=0.01)
    assert own.steps == 300


def test_the_training_accuracy_is_that_of_the_stretch_of_the_loss(tmp_path) -> None:
    def figures(folder: Path, sampled: list[int]) -> dict[str, Figure]:
        with RunWriter(folder) as writer:
            for step, loss in enumerate(falls(GUESS, 0.05)):
                writer.add(signals.LOSS, step, loss)
            for step in sampled:
                share = 0.5 if step < 270 else 0.98
                writer.add_sample(step, {signals.ACCURACY: share, signals.BATCH_SIZE: 64.0})
            writer.state(CLASSES)
        return {figure.what: figure for figure in shown(Run.open(folder)).figures}

    late = figures(tmp_path / "a", [200, 230, 260, 280, 299])
    assert late["training accuracy"].value == pytest.approx(0.98)
    assert late["training accuracy"].error == pytest.approx((0.98 * 0.02 / 128) ** 0.5)
    assert late["loss"].error is not None
    early = figures(tmp_path / "b", [200, 230, 260])
    assert "training accuracy" not in early
    assert "loss" in early


@pytest.mark.parametrize(("accuracy", "expected"), [(0.97, "healthy"), (0.5, "improvable")])
def test_evaluations_must_agree(tmp_path, accuracy, expected) -> None:
    evaluations = {signals.VALIDATION_ACCURACY: [accuracy] * 3}
    assert kind(tmp_path, falls(GUESS, 0.05), CLASSES, accuracy=0.98, evaluations=evaluations) == expected


def test_where_evaluations_alone_show_learning_it_says_so(tmp_path) -> None:
    evaluations = {signals.VALIDATION_ACCURACY: [0.3, 0.7, 0.7]}
    own = of(tmp_path, falls(1.0, 0.1) - 0.5, SQUARES, evaluations=evaluations)
    assert (own.kind, own.reason) == (
        "improvable",
        "by evaluations alone, for the objective falls below zero, so that its best value is not known",
    )


def test_a_loss_that_rose_again_is_said_to_where_answers_are_right(tmp_path) -> None:
    there_and_back = np.concatenate([falls(GUESS, 0.05), falls(GUESS, GUESS)])
    own = of(tmp_path, there_and_back, CLASSES, accuracy=0.7)
    assert own.kind == "improvable"
    assert own.reason.startswith("the loss had fallen to 0.0")
    assert own.reason.endswith("and has risen since")


@pytest.mark.parametrize(
    ("reduction", "what", "scale"),
    [("mean", "mse_loss within the loss", 1.0), ("sum", "mse_loss within the loss (summed over a batch)", 32.0)],
)
def test_a_figure_of_a_part_of_the_loss_names_it(tmp_path, reduction, what, scale) -> None:
    called = scale * falls(1.0, 0.1)
    with record(
        tmp_path,
        series={signals.LOSS: called + 3.0 * scale * np.linspace(2.0, 1.0, 300), signals.LOSS_CALL: called},
        facts=[replace(SQUARES, reduction=reduction)],
    ) as run:
        assert [figure.what for figure in shown(run).figures] == [what]


@pytest.mark.parametrize(("reduction", "guess"), [("mean", None), ("sum", 64 * 0.25)])
def test_the_guess_of_a_validation_in_another_unit_is_given_too(tmp_path, reduction, guess) -> None:
    each = TargetOutputs(outputs=64, examples=3_000, variance=0.25)
    shapes = {"output": LossOutput(shape=(32, 64)), "target": LossTarget(shape=(32, 64), type="real", each=each)}
    series = {signals.LOSS: falls(0.25, 0.01), signals.VALIDATION_LOSS: [0.02] * 3}
    facts = [
        Loss(function="mse_loss", **shapes),
        EvaluatedLoss(function="mse_loss", shape=(100, 64), reduction=reduction),
    ]
    with record(tmp_path, series=series, facts=facts, steps={signals.VALIDATION_LOSS: [280, 290, 300]}) as run:
        figures = {figure.what: figure for figure in shown(run).figures}
    assert figures["validation loss"].value == 0.02
    assert figures["validation loss"].guess == guess


def test_what_relapses_has_not_learnt(tmp_path) -> None:
    there_and_back = np.concatenate([falls(1.0, 0.05), falls(0.95, 0.95)])
    own = of(tmp_path / "a", there_and_back, SQUARES)
    assert own.kind == "not learnt"
    assert "lost it again" in own.reason
    part = np.concatenate([falls(1.0, 0.05), falls(0.1, 0.1)])
    assert kind(tmp_path / "b", part, SQUARES) == "healthy"


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0, 9.0, 1e12, 1e30], "not learnt"),
        ([1.0, 2.0, float("nan")], "not learnt"),
        ([float("nan")] * 4, "not learnt"),
        ([1e11, 9e10, 8e10, 7e10], "not enough data"),
        ([1.0, 0.9, 0.8, 0.7], "not enough data"),
        ([0.01, 0.1, 2.0, 5.0], "not enough data"),
    ],
)
def test_few_steps_are_too_few_unless_what_was_seen_is_absurd(tmp_path, losses, expected) -> None:
    assert kind(tmp_path, losses, SQUARES) == expected


def test_ten_steps_are_enough(tmp_path) -> None:
    assert kind(tmp_path / "a", falls(1.0, 0.01, steps=9), SQUARES) == "not enough data"
    assert kind(tmp_path / "b", falls(1.0, 0.01, steps=10), SQUARES) != "not enough data"


def test_an_output_that_learns_nothing_is_named_beside_one_that_learns(tmp_path) -> None:
    def of_head(line: int, layer: str, value: float) -> Loss:
        late = LateLoss(value=value, error=0.01, samples=50.0)
        return replace(CLASSES, output=LossOutput(layer=layer), late=late, line=line)

    end = {"class": of_head(3, "classes", 0.05), "side": of_head(4, "side", GUESS), "told": of_head(4, "side", 0.05)}
    own = of(tmp_path / "a", falls(2 * GUESS, GUESS), end["class"], end["side"], accuracy=0.98)
    assert (own.kind, own.reason) == ("improvable", "nothing is learnt by side (loss 1.39 where a guess has 1.39)")
    assert kind(tmp_path / "b", falls(2 * GUESS, 0.1), end["class"], end["told"], accuracy=0.98) == "healthy"


def test_without_a_loss_nothing_was_trained(tmp_path) -> None:
    with record(tmp_path) as run:
        assert shown(run) == Shown(kind="not enough data", reason=NOTHING_TRAINED)


def test_without_a_yardstick_it_cannot_be_told(tmp_path) -> None:
    own = of(tmp_path / "a", falls(1.0, 0.05))
    assert own.kind == "cannot be told"
    assert "own making" in own.reason
    assert own.figures[0].start is not None


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [([0.5, 0.9, 0.95], "improvable"), ([0.3, 0.6, 0.7], "improvable"), ([0.3, 0.31, 0.3], "cannot be told")],
)
def test_an_evaluation_is_a_yardstick_for_an_objective_of_the_scripts_own(tmp_path, accuracies, expected) -> None:
    evaluations = {signals.VALIDATION_ACCURACY: accuracies}
    assert kind(tmp_path, falls(1.0, 0.3), evaluations=evaluations) == expected


@pytest.mark.parametrize(
    ("losses", "expected"), [([2.0, 1.0, 0.5, 0.4], "improvable"), ([2.0, 2.0, 1.9, 2.0], "cannot be told")]
)
def test_so_is_the_loss_of_evaluations_that_falls(tmp_path, losses, expected) -> None:
    assert kind(tmp_path, falls(1.0, 0.3), evaluations={signals.VALIDATION_LOSS: losses}) == expected


def test_what_began_learnt_is_not_called_unlearnt(tmp_path) -> None:
    assert kind(tmp_path / "stays", falls(0.3, 0.3), SQUARES) == "cannot be told"
    assert kind(tmp_path / "goes", falls(0.3, 0.15), SQUARES) == "improvable"
    assert kind(tmp_path / "rises", falls(0.3, 0.6), SQUARES) == "not learnt"


def test_what_is_known_of_it_is_said(tmp_path) -> None:
    flat = {signals.OUTPUT_SPREAD: [0.0] * 300, signals.OUTPUT_STD: [1.0] * 300}
    assert of(tmp_path / "a", falls(1.0, 1.0), SQUARES, series=flat).known == (
        "the outputs are the same for every example",
    )
    near = {signals.OUTPUT_SPREAD: [0.05] * 300, signals.TARGET_STD: [1.0] * 300}
    assert of(tmp_path / "b", falls(1.0, 1.0), SQUARES, series=near).known == (
        "the outputs hardly differ between examples (by 0.05, the targets by 1)",
    )
    far = {signals.OUTPUT_SPREAD: [0.5] * 300, signals.TARGET_STD: [1.0] * 300}
    assert of(tmp_path / "c", falls(1.0, 1.0), SQUARES, series=far).known == ()
    assert of(tmp_path / "d", falls(1.0, 0.01), SQUARES, series=flat).known == ()


def test_parameters_without_a_gradient_are_named(tmp_path) -> None:
    norms = {f"{i}.weight": [0.0, 0.0] for i in range(5)} | {"head": [1.0, 1.0]}
    losses = falls(1.0, 1.0).tolist()
    with record(tmp_path, series={signals.LOSS: losses}, tables={signals.GRADIENT_NORM: norms}, facts=[SQUARES]) as run:
        assert shown(run).known == ("the gradient of 0.weight, 1.weight, 2.weight and 2 more is exactly zero",)


def test_a_sum_with_a_term_of_unknown_floor_cannot_be_told(tmp_path) -> None:
    calls = Loss(function="huber_loss", line=3), Loss(function="gaussian_nll_loss", line=4)
    mixed = of(tmp_path, falls(1.0, 0.05), *calls)
    assert mixed.kind == "cannot be told"
    assert mixed.reason
