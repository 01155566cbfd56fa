"""The parts of one training work together, and it is recorded when it ran and what was missing."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from unstuck.observe import Observer, Session, budget, session
from unstuck.observe.budget import Budget
from unstuck.observe.collectors.seen_examples import signatures
from unstuck.observe.torch_hooks import events
from unstuck.record import Run, RunWriter, facts, signals


def trained(steps: int = 12, *, model: nn.Module | None = None) -> torch.optim.Optimizer:
    model = model or nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, 4)).square().mean().backward()
        optimizer.step()
    return optimizer


def watched(program: Callable[[], object], folder: Path) -> Run:
    with RunWriter(folder) as writer, Session(writer, budget=1.0) as watching:
        program()
    assert watching.failure is None
    return Run.open(folder)


def spans(run: Run) -> list[tuple[float, float]]:
    found = [stream.fact(facts.Span) for stream in run.streams()]
    return [(span.began, span.ended) for span in found if span is not None]


def test_trainings_one_after_the_other_are_recorded_as_such(tmp_path: Path) -> None:
    kept: list[torch.optim.Optimizer] = []
    run = watched(lambda: kept.extend(trained() for _ in range(3)), tmp_path)
    times = spans(run)
    assert len(times) == 3
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))


def test_trainings_in_several_threads_are_all_seen_each_with_its_own_losses(tmp_path: Path) -> None:
    def program() -> None:
        together = threading.Barrier(4)

        def work() -> None:
            together.wait()
            trained(40)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    run = watched(program, tmp_path)
    assert [len(stream.series(signals.LOSS)) for stream in run.streams()] == [40] * 4
    assert len({stream.fact(facts.Span).thread for stream in run.streams()}) == 4  # pyright: ignore
    times = spans(run)
    assert max(began for began, _ in times) < min(ended for _, ended in times)
    assert all(stream.has(signals.INPUT_MEAN) for stream in run.streams())


def test_a_training_in_another_thread_than_its_optimizer_was_made_in(tmp_path: Path) -> None:
    def program() -> None:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

        def work() -> None:
            for _ in range(12):
                optimizer.zero_grad()
                F.mse_loss(model(torch.randn(8, 4)), torch.zeros(8, 1)).backward()
                optimizer.step()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    run = watched(program, tmp_path)
    assert len(run.series(signals.LOSS)) == 12
    assert run.has(signals.INPUT_MEAN)
    assert run.has(signals.UPDATE_RATIO)
    assert run.fact(facts.Loss) is not None


def test_trainings_that_there_is_no_time_for_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "admits", lambda budget, _: budget.trainings < 2)
    run = watched(lambda: [trained() for _ in range(5)], tmp_path)
    assert len(run.streams()) == 2
    assert run.fact(facts.Unwatched) == facts.Unwatched(trainings=3, reason=session.NO_TIME, which=((3, 5),))


def test_a_long_training_that_was_not_watched_is_watched_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def admits(budget: Budget, now: float) -> bool:
        asked.append(now)
        return len(asked) > 1

    monkeypatch.setattr(Budget, "admits", admits)
    run = watched(lambda: trained(100), tmp_path)
    assert run.fact(facts.Unwatched) is None
    assert len(run.series(signals.LOSS)) == 100 - session.LATE


def test_backward_passes_whose_updates_were_not_seen_are_said(tmp_path: Path) -> None:
    def program() -> None:
        model = nn.Linear(4, 1)
        optimizer = trained(5, model=model)
        for _ in range(10):  # no hook is called by this, as by a step that runs as compiled code
            optimizer.zero_grad()
            model(torch.randn(8, 4)).square().mean().backward()
            type(optimizer).step.__wrapped__(optimizer)

    end = watched(program, tmp_path).fact(facts.End)
    assert end is not None
    assert (end.steps, end.backward_passes, end.unrecorded) == (5, 15, 10)


def test_passes_that_another_optimizer_has_stepped_behind_are_recorded_there(tmp_path: Path) -> None:
    def program() -> None:
        model = nn.Linear(4, 1)
        optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for _ in range(2)]
        for number in (*[0] * 5, *[1] * 20):
            optimizers[number].zero_grad()
            model(torch.randn(8, 4)).square().mean().backward()
            optimizers[number].step()

    run = watched(program, tmp_path)
    ends = [end for stream in run.streams() for end in stream.facts(facts.End)]
    assert [(end.steps, end.unrecorded) for end in ends] == [(5, 0), (20, 0)]


def test_a_look_at_the_gradients_after_the_last_update_is_no_loss(tmp_path: Path) -> None:
    def program() -> None:
        model = nn.Linear(4, 1)
        trained(5, model=model)
        model(torch.randn(8, 4)).square().mean().backward()

    end = watched(program, tmp_path).fact(facts.End)
    assert end is not None
    assert end.unrecorded == 0


@pytest.mark.parametrize("calls", [1, 3])
def test_a_part_that_ran_before_training_has_the_name_that_it_has_in_the_model(tmp_path: Path, calls: int) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features, self.head = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(4, 1)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.head(self.features(inputs))

    model, inputs = Net(), torch.randn(8, 3)
    with RunWriter(tmp_path) as writer, Session(writer):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(calls):
            with torch.no_grad():
                model.features(inputs)
        for _ in range(4):
            optimizer.zero_grad()
            model(inputs).square().mean().backward()
            optimizer.step()
    with Run.open(tmp_path) as run:
        layers = run.table(signals.ACTIVATION_STD)
        assert layers.names == ("features.0", "features.1", "head")
        assert layers.steps.tolist() == [0, 1, 2, 3]
        assert run.series(signals.BATCH_SEEN_BEFORE).values.tolist()[-1] == 1.0


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_examples_are_recognised_while_the_steps_stay_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: int
) -> None:
    monkeypatch.setattr(budget, "RECOGNISING_SECONDS", 1e6)  # always due
    monkeypatch.setattr(events, "_optimizers", weakref.WeakKeyDictionary())
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    entered: list[int] = []
    with RunWriter(tmp_path) as writer, Observer(model, optimizer, writer, budget=0.001) as observer:
        recognised, quiet = observer._training.enters_quietly, list[int]()

        def entering(*args: Any) -> bool:
            alone = recognised(*args)
            if alone:
                quiet.append(len(entered))
            return alone

        monkeypatch.setattr(observer._training, "enters_quietly", entering)
        for _ in range(600):
            optimizer.zero_grad()
            for _ in range(passes):
                entered.append(len(entered) + 1)
                model(torch.full((1, 1), float(entered[-1]))).mean().backward()
            optimizer.step()
        met = set[float]().union(*observer._batches._seen.met.values())
    assert len(set(quiet)) > 300
    places = {number % passes for number in entered if signatures(torch.full((1, 1), float(number)))[0] in met}
    assert places == set(range(passes)), "batches of each place in an update"
    assert len(Run.open(tmp_path).series(signals.LOSS).values) == 600
