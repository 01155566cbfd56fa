"""Evaluations that come when the optimizer is gone are seen, and no model is kept for them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstuck.observe import Session, afterwards
from unstuck.observe.budget import Spending
from unstuck.observe.torch_hooks import forward
from unstuck.record import Run, RunWriter, facts, signals

X, Y = torch.randn(48, 6, generator=torch.Generator().manual_seed(0)), torch.arange(48) % 3
FRESH, LABELS = torch.randn(20, 6, generator=torch.Generator().manual_seed(1)), torch.arange(20) % 3


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


def fit(model: nn.Module, steps: int = 6) -> None:
    """Make an optimizer, and train: both are gone when this returns."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(X), Y).backward()
        optimizer.step()


@torch.no_grad()
def evaluate(model: nn.Module) -> list[float]:
    output = model(FRESH)
    return [F.cross_entropy(output, LABELS).item(), (output.argmax(1) == LABELS).float().mean().item()]


def watched(program: Callable[[], list[float]], folder: Path) -> Run:
    """Watch a program; it must return the same as without."""
    torch.manual_seed(0)
    plain = program()
    torch.manual_seed(0)
    with RunWriter(folder) as writer, Session(writer, budget=1.0) as session:
        assert program() == plain
    assert session.failure is None
    assert not forward._watchers  # pyright: ignore[reportPrivateUsage]
    return Run.open(folder)


def test_an_evaluation_after_the_function_that_trained_is_recorded(tmp_path: Path) -> None:
    figures: list[float] = []

    def program() -> list[float]:
        model = net()
        fit(model)
        model.eval()
        figures[:] = evaluate(model)
        return list(figures)

    run = watched(program, tmp_path)
    assert run.series(signals.VALIDATION_LOSS).steps.tolist() == [6]
    np.testing.assert_allclose(run.series(signals.VALIDATION_LOSS).values, figures[:1], rtol=1e-5)
    np.testing.assert_allclose(run.series(signals.VALIDATION_ACCURACY).values, figures[1:], rtol=1e-6)
    modes = [fact for fact in run.facts(facts.Modes) if fact.phase == "evaluation"]
    assert [(fact.step, fact.model_training, fact.norms_evaluating) for fact in modes] == [(6, False, 1)]
    assert run.fact(facts.End).reason == "completed"


def test_predictions_one_by_one_in_training_mode(tmp_path: Path) -> None:
    @torch.no_grad()
    def predict(model: nn.Module, row: Tensor) -> int:
        return int(model(row.unsqueeze(0)).argmax(1).item())

    def program() -> list[float]:
        model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 3))
        fit(model)
        return [float(predict(model, row)) for row in FRESH]

    run = watched(program, tmp_path)
    found = run.fact(facts.Predictions)
    assert found == facts.Predictions(step=6, examples=20, distinct=20, trained=0, predicted=20)
    assert [fact.model_training for fact in run.facts(facts.Modes) if fact.phase == "evaluation"] == [True]


def test_what_follows_another_training_of_the_model_is_that_ones(tmp_path: Path) -> None:
    def program() -> list[float]:
        model = net()
        fit(model, 4)
        first = evaluate(model)
        fit(model, 5)
        return [*first, *evaluate(model)]

    run = watched(program, tmp_path)
    steps = [stream.series(signals.VALIDATION_LOSS).steps.tolist() for stream in run.streams()]
    assert steps == [[4], [5]]


def test_models_are_evaluated_when_all_are_trained(tmp_path: Path) -> None:
    def program() -> list[float]:
        models = [net() for _ in range(3)]
        for model in models:
            fit(model)
        return [figure for model in models for figure in evaluate(model)]

    run = watched(program, tmp_path)
    assert [len(stream.series(signals.VALIDATION_LOSS)) for stream in run.streams()] == [1, 1, 1]


def test_no_model_is_kept_alive(tmp_path: Path) -> None:
    def program() -> list[float]:
        alive = []
        for _ in range(3):
            model = net()
            fit(model)
            evaluate(model)
            alive.append(weakref.ref(model))
            del model
            gc.collect()
        return [float(model() is not None) for model in alive]

    run = watched(program, tmp_path)
    assert [len(stream.series(signals.VALIDATION_LOSS)) for stream in run.streams()] == [1, 1, 1]
    assert not afterwards._awaited  # pyright: ignore[reportPrivateUsage]


def test_a_part_of_an_evaluation_gives_no_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that goes on predicting for hours is listened to for as long as the budget allows."""
    allowed = iter([True, True, True])  # asked twice where an evaluation begins
    monkeypatch.setattr(Spending, "may_evaluate", lambda self, now: next(allowed, False))

    def program() -> list[float]:
        model = net()
        fit(model)
        model.eval()
        with torch.no_grad():
            return [F.cross_entropy(model(FRESH), LABELS).item() for _ in range(6)]

    run = watched(lambda: program(), tmp_path)
    assert not len(run.series(signals.VALIDATION_LOSS))
    assert run.series(signals.EVALUATED).values.tolist() == [20.0 * 2]


def test_few_models_are_awaited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(afterwards, "MOST", 2)

    def program() -> list[float]:
        models = [net() for _ in range(4)]
        for model in models:
            fit(model)
        return [figure for model in models for figure in evaluate(model)]

    run = watched(program, tmp_path)
    assert [len(stream.series(signals.VALIDATION_LOSS)) for stream in run.streams()] == [1, 1, 0, 0]
