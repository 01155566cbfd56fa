"""Batches of training are told from those of evaluations, and recognised again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from unstuck.observe.batches import Batches
from unstuck.observe.budget import Budget, Spending
from unstuck.observe.clock import Clock, Phase
from unstuck.observe.collectors.evaluations import Evaluations
from unstuck.observe.collectors.losses import Losses
from unstuck.observe.collectors.registry import Collectors
from unstuck.observe.collectors.seen_examples import SeenExamples
from unstuck.observe.collectors.view import View
from unstuck.observe.journal import Journal
from unstuck.observe.torch_hooks import forward
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import Run, RunWriter, signals


class Watched:
    """A model whose forward passes are told to the batches, by whether gradients are on."""

    thread: int | None = None
    kinds = frozenset[type]()
    awaits_evaluations = True

    def __init__(self, writer: RunWriter) -> None:
        self.model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
        self.view = View(roots=Roots(SGD(self.model.parameters(), lr=0.1)))
        self.view.roots.add(self.model)
        self.entries = self.view.roots.identities
        self.clock, self.seen = Clock(), SeenExamples()
        self.collectors = Collectors(self.view, adopting=False)
        self.evaluations = Evaluations(self.seen, self.view.roots, self.collectors.one(Losses))
        self.spending = Spending(Budget(1.0), self.collectors, self.evaluations)
        self.journal = Journal(writer, itertools.count())
        self.journal.open()
        self.batches = Batches(
            self.clock,
            self.view,
            collectors=self.collectors,
            evaluations=self.evaluations,
            seen=self.seen,
            spending=self.spending,
            journal=self.journal,
        )
        self.entered: list[bool] = []

    def forward_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, learning: bool) -> None:
        start = self.spending.began
        if learning:
            self.entered.append(self.batches.trains(module, inputs, start))
        else:
            self.batches.evaluates(module, inputs, start)

    def failed(self, error: Exception) -> None:
        raise error

    def train(self, x: Tensor) -> None:
        F.mse_loss(self.model(x), torch.zeros(len(x), 1))

    def evaluate(self, x: Tensor, y: Tensor) -> None:
        with torch.no_grad():
            F.mse_loss(self.model(x), y)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with RunWriter(tmp_path) as writer:
        one = Watched(writer)
        forward.watch(one)
        one.batches.look(True)
        yield one
        one.collectors.tell("release")
        one.batches.look(False)
        forward.unlisten(one.evaluations)
        forward.unwatch(one)


@pytest.fixture
def run(watched: Watched, tmp_path: Path) -> Callable[[], Run]:
    def read() -> Run:
        watched.journal._writer.flush()
        return Run.open(tmp_path)

    return read


def test_an_evaluation_interrupts_training_and_is_recorded_when_it_goes_on(
    watched: Watched, run: Callable[[], Run]
) -> None:
    watched.train(torch.ones(4, 3))
    watched.clock.step = 5
    x, y = torch.randn(6, 3), torch.randn(6, 1)
    watched.evaluate(x, y)
    assert watched.clock.phase is Phase.EVALUATION
    watched.evaluate(x, y)
    watched.train(torch.ones(4, 3))
    assert watched.clock.phase is Phase.FORWARD
    series = run().series(signals.VALIDATION_LOSS)
    expected = F.mse_loss(watched.model(x), y).item()
    assert (series.steps.tolist(), series.values.tolist()) == ([5, 5][: len(series)], [pytest.approx(expected)] * 2)


def test_the_forward_pass_that_ends_an_evaluation_is_seen_whole(watched: Watched) -> None:
    watched.evaluate(torch.randn(6, 3), torch.randn(6, 1))
    watched.collectors.begin(1)
    watched.train(torch.ones(4, 3))
    assert watched.view.examples == 4
    assert watched.view.ran == {"0": True, "2": True}
    assert watched.collectors.complete


def test_collectors_do_not_look_into_evaluations(watched: Watched) -> None:
    watched.evaluate(torch.randn(6, 3), torch.randn(6, 1))
    assert not watched.collectors.complete
    assert watched.view.ran == {}


def test_an_evaluation_that_began_when_there_was_no_time_is_not_seen_from_its_middle_on(
    watched: Watched, run: Callable[[], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([False, True])
    monkeypatch.setattr(watched.spending, "may_evaluate", lambda now: next(times))
    x, y = torch.randn(6, 3), torch.randn(6, 1)
    for _ in range(2):
        watched.evaluate(x, y)
        watched.evaluate(x, y)
        watched.clock.step += 1
        watched.train(torch.ones(4, 3))
    assert run().series(signals.EVALUATED).steps.tolist() == [2, 2]  # two places


def test_evaluations_that_the_program_tells_are_closed_and_not_recorded(
    watched: Watched, run: Callable[[], Run]
) -> None:
    watched.evaluate(torch.randn(6, 3), torch.randn(6, 1))
    watched.batches.close(told=True)
    watched.batches.close()
    assert watched.clock.phase is Phase.FORWARD
    assert len(run().series(signals.VALIDATION_LOSS)) == 0
    assert run().series(signals.EVALUATED).values.tolist() == [6.0]


def test_an_evaluation_for_which_there_is_no_time_is_passed_over(watched: Watched, run: Callable[[], Run]) -> None:
    watched.spending.budget.evaluating = 1e9
    watched.evaluate(torch.randn(6, 3), torch.randn(6, 1))
    assert watched.clock.phase is Phase.FORWARD
    watched.batches.close()
    assert len(run().series(signals.VALIDATION_LOSS)) == 0


def test_examples_enter_by_the_module_that_is_called_first(watched: Watched) -> None:
    other = nn.Linear(1, 1)
    watched.view.roots.add(other)
    watched.train(torch.ones(4, 3))
    other(torch.ones(4, 1))
    watched.train(torch.ones(4, 3))
    assert watched.entered == [True, False, True]
    assert watched.batches.passes._forward == 2


def test_batches_are_recognised_while_there_is_time(watched: Watched, run: Callable[[], Run]) -> None:
    x = torch.randn(8, 3)
    for step in range(2):
        watched.train(x)
        watched.journal.add_later(step)
    watched.spending.recognised(1e9)
    watched.train(x)
    watched.journal.add_later(2)
    assert run().series(signals.BATCH_SEEN_BEFORE).values.tolist() == [0.0, 1.0]
    assert watched.seen.latest is not None


def test_nothing_is_looked_into_of_what_is_compiled_or_has_ended(watched: Watched) -> None:
    watched.batches.look(True)
    assert watched.collectors.__class__ is Collectors
    assert id(watched.collectors) in forward._where
    watched.view.roots.compiled = True
    watched.batches.look(True)
    assert id(watched.collectors) not in forward._where
    watched.view.roots.compiled = False
    watched.clock.phase = Phase.ENDED
    watched.batches.look(True)
    assert id(watched.collectors) not in forward._where
