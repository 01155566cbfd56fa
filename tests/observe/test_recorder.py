"""One training is written down: what its samples speak of, the samples, the facts, the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD

from unstuck.observe.collectors.evaluations import Evaluations
from unstuck.observe.collectors.losses import Losses
from unstuck.observe.collectors.registry import Collectors
from unstuck.observe.collectors.seen_examples import SeenExamples
from unstuck.observe.collectors.view import View
from unstuck.observe.journal import Journal
from unstuck.observe.recorder import Recorder
from unstuck.observe.torch_hooks import forward
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import Run, RunWriter, facts, signals


class Training:
    """A recorder, and what it records of."""

    def __init__(self, writer: RunWriter) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        self.optimizer = SGD(self.model.parameters(), lr=0.1)
        self.view = View(roots=Roots(self.optimizer))
        self.view.roots.add(self.model)
        self.view.named = dict(self.model.named_parameters())
        self.view.parameters = list(self.view.named.values())
        self.collectors = Collectors(self.view, adopting=False)
        seen = SeenExamples()
        evaluations = Evaluations(seen, self.view.roots, self.collectors.one(Losses))
        self.journal = Journal(writer, itertools.count())
        self.recorder = Recorder(self.view, self.collectors, seen, evaluations, self.journal, made_at=("train.py", 3))

    def step(self) -> None:
        self.collectors.begin(self.view.updates)
        forward.listen(self.collectors)
        loss = F.cross_entropy(self.model(torch.randn(6, 4)), torch.arange(6) % 3)
        forward.unlisten(self.collectors)
        self.optimizer.zero_grad()
        loss.backward()
        self.journal.note_loss([loss], self.view.updates, lambda: facts.NonFinite(step=0, what="loss", count=1))
        self.collectors.tell("before_update", self.optimizer)
        self.optimizer.step()
        self.journal.record_loss(self.view.updates, now=False)
        self.recorder.sample(self.optimizer)
        self.journal.clear_pending()
        self.view.updates += 1


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Training]:
    with RunWriter(tmp_path) as writer:
        yield Training(writer)


@pytest.fixture
def run(training: Training, tmp_path: Path) -> Callable[[], Run]:
    def read() -> Run:
        training.journal.write_losses()
        training.journal._writer.flush()
        return Run.open(tmp_path)

    return read


def test_what_samples_speak_of_is_named_before_them(training: Training, run: Callable[[], Run]) -> None:
    training.recorder.open(training.optimizer)
    read = run()
    model, optimizer = read.fact(facts.Model), read.fact(facts.Optimizer)
    assert model is not None
    assert [parameter.name for parameter in model.parameters] == list(training.view.named)
    assert optimizer is not None
    assert (optimizer.type, optimizer.file, optimizer.line) == ("SGD", "train.py", 3)
    assert read.fact(facts.Environment) is not None
    training.step()
    assert run().table(signals.UPDATE_RATIO).names == tuple(training.view.named)


def test_samples_of_all_collectors_are_written_at_their_step(training: Training, run: Callable[[], Run]) -> None:
    training.recorder.open(training.optimizer)
    for _ in range(3):
        training.journal.later(signals.BATCH_SEEN_BEFORE, 0.25)
        training.step()
    read = run()
    for signal in (signals.UPDATE_RATIO, signals.ACTIVATION_MEAN):
        assert read.table(signal).steps.tolist() == [0, 1, 2]
    for signal in (signals.INPUT_MEAN, signals.ACCURACY, signals.BATCH_SEEN_BEFORE):
        assert read.series(signal).steps.tolist() == [0, 1, 2]
    assert read.table(signals.ACTIVATION_MEAN).names == ("0", "1", "2")
    assert training.recorder.samples == 3
    assert training.recorder.accuracy == read.series(signals.ACCURACY).values[-1]
    assert list(training.recorder.ratios) == pytest.approx(read.table(signals.UPDATE_RATIO).values[-1].tolist())


def test_facts_are_stated_each_time_that_the_samples_have_doubled(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated: list[int] = []
    gathered = training.recorder.state_gathered
    monkeypatch.setattr(
        training.recorder, "state_gathered", lambda: (stated.append(training.recorder.samples), gathered())
    )
    training.recorder.open(training.optimizer)
    for _ in range(9):
        training.step()
    assert stated == [1, 2, 4, 8]


def test_parameters_that_come_later_are_named_behind_the_others(training: Training, run: Callable[[], Run]) -> None:
    training.recorder.open(training.optimizer)
    training.step()
    late = nn.Parameter(torch.ones(2))
    training.optimizer.add_param_group({"params": [late]})
    training.view.named["late"] = late
    training.view.parameters.append(late)
    training.recorder.add_parameters(training.optimizer, {"late": late})
    training.step()
    table = run().table(signals.WEIGHT_NORM)
    assert table.names == tuple(training.view.named)
    assert table.values[-1][-1] == pytest.approx(2**0.5)


def test_filters_are_kept_at_the_beginning_and_at_the_end(training: Training, run: Callable[[], Run]) -> None:
    training.recorder.open(training.optimizer)
    before = training.model[0].weight.detach().clone()  # the model goes on to change
    for _ in range(3):
        training.step()
    training.recorder.finish(facts.End(reason="completed", steps=3), thorough=True)
    (begun, first), (ended, last) = run().arrays("filters")
    assert (begun, ended) == (0, 3)
    assert first.tolist() == before.tolist()
    assert last.tolist() == training.model[0].weight.tolist()


def test_the_end_is_the_last_fact_and_all_that_was_gathered_stands_before_it(
    training: Training, run: Callable[[], Run]
) -> None:
    training.recorder.open(training.optimizer)
    for _ in range(30):
        training.step()
    counted = facts.Event(step=30, what="counted")
    training.recorder.finish(counted, facts.End(reason="completed", steps=30), thorough=True)
    read = run()
    assert read.fact(facts.End) == facts.End(reason="completed", steps=30)
    assert read.fact(facts.Event) == counted
    inputs = read.fact(facts.Inputs)
    assert inputs is not None
    assert inputs.examples == 180, "to the last step, although it was stated at the sixteenth"
    assert read.fact(facts.Association) is not None
    assert len(read.series(signals.LOSS)) == 30


def test_that_compiled_code_is_not_seen_is_said_once(training: Training, run: Callable[[], Run]) -> None:
    training.recorder.open(training.optimizer)
    training.step()
    training.view.roots.compiled = True
    training.step()
    training.step()
    (event,) = run().facts(facts.Event)
    assert (event.step, event.blinds) == (1, True)
    assert "compiled" in event.what
