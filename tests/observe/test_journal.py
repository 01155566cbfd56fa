"""What the pen writes, when, and that a training goes on where it cannot write."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from unstuck.observe import journal as module
from unstuck.observe.blind_spots import UNREADABLE_LOSS
from unstuck.observe.journal import Journal
from unstuck.record import Run, RunWriter, facts, signals
from unstuck.record.signals import Index


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    with RunWriter(tmp_path) as writer:
        yield writer


@pytest.fixture
def journal(writer: RunWriter) -> Journal:
    journal = Journal(writer, itertools.count())
    journal.open()
    return journal


def trace() -> facts.NonFinite:
    return facts.NonFinite(step=0, what="loss", count=1)


def losses(writer: RunWriter, folder: Path) -> dict[int, float]:
    writer.flush()
    series = Run.open(folder).series(signals.LOSS)
    return dict(zip(series.steps.tolist(), series.values.tolist(), strict=True))


def of(*values: float) -> list[Tensor]:
    return [torch.tensor(value) for value in values]


def test_the_loss_of_a_step_is_the_mean_over_its_passes_and_the_sum_over_roots(
    journal: Journal, writer: RunWriter, tmp_path: Path
) -> None:
    journal.note_loss(of(1.0), 0, trace)
    journal.note_loss(of(2.0, 3.0), 0, trace)
    assert journal.record_loss(0, now=True) == 3.0
    journal.clear_pending()
    assert journal.record_loss(1, now=True) is None
    assert losses(writer, tmp_path) == {0: 3.0}


@pytest.mark.parametrize(
    ("root", "number"),
    [
        (torch.tensor([1.0, 3.0]), 2.0),
        (torch.tensor(2.0 + 1.0j), 2.0),
        (torch.tensor(2.0, dtype=torch.bfloat16), 2.0),
    ],
    ids=["several", "complex", "half"],
)
def test_any_root_gives_one_number(journal: Journal, root: Tensor, number: float) -> None:
    journal.note_loss([root], 0, trace)
    assert journal.pending == [pytest.approx(number, nan_ok=True)]


def test_a_loss_that_cannot_be_read_is_missing_and_no_nan(journal: Journal, writer: RunWriter, tmp_path: Path) -> None:
    for step in range(2):
        journal.note_loss([torch.eye(2).to_sparse()], step, trace)
        assert journal.pending == []
    writer.flush()
    with Run.open(tmp_path) as run:
        assert [event.what for event in run.facts(facts.Event)] == [UNREADABLE_LOSS]
        assert run.fact(facts.NonFinite) is None


def test_the_first_loss_that_is_not_finite_is_traced(journal: Journal, writer: RunWriter, tmp_path: Path) -> None:
    traced: list[int] = []

    def look() -> facts.NonFinite:
        traced.append(1)
        return trace()

    for value in (1.0, math.nan, math.inf):
        journal.note_loss(of(value), 0, look)
    assert traced == [1]
    writer.flush()
    assert Run.open(tmp_path).fact(facts.NonFinite) == trace()


def test_a_loss_that_reached_nothing_counts_only_where_no_other_does(journal: Journal) -> None:
    journal.note_loss(of(5.0), 0, trace)
    journal.pass_by()
    assert journal.record_loss(0, now=True) == 5.0
    journal.clear_pending()
    for value in (5.0, 1.0):
        journal.note_loss(of(value), 1, trace)
        if value == 5.0:
            journal.pass_by()
    assert journal.record_loss(1, now=True) == 1.0


def test_losses_of_quiet_steps_are_written_with_the_others(journal: Journal, writer: RunWriter, tmp_path: Path) -> None:
    journal.note_numbers([0.5])
    assert journal.record_loss(0, now=False) == 0.5
    journal.note_numbers([9.0])
    journal.record_numbers(1, [1.5, 2.5])
    assert journal.pending == []
    assert journal.record_loss(3, now=True) is None
    journal.write_losses()
    assert losses(writer, tmp_path) == {0: 0.5, 1: 1.5, 2: 2.5}
    assert journal.full_at == journal._written + module.WRITE_SECONDS


def test_losses_are_written_together_and_in_order(journal: Journal, writer: RunWriter, tmp_path: Path) -> None:
    optimizer = SGD([nn.Parameter(torch.ones(1))], lr=0.5)
    journal.record_rates(0, optimizer)
    for step in range(3 * module.WRITE_EVERY):
        journal.note_numbers([float(step)])
        taken = journal.record_number(step, optimizer, journal._written)
        if taken is None:
            taken = journal.record_loss(step, now=False)
        assert taken == step
    journal.write_losses()
    assert losses(writer, tmp_path) == {step: float(step) for step in range(3 * module.WRITE_EVERY)}


def test_a_fact_does_not_stand_before_the_losses_that_came_before_it(
    journal: Journal, writer: RunWriter, tmp_path: Path
) -> None:
    journal.note_loss(of(1.0), 0, trace)
    journal.record_loss(0, now=False)
    journal.state(facts.Event(step=1, what="now"))
    assert losses(writer, tmp_path) == {0: 1.0}


def test_the_short_way_is_left_where_a_rate_changes(journal: Journal) -> None:
    optimizer = SGD([nn.Parameter(torch.ones(1))], lr=0.5)
    now = journal._written
    journal.note_numbers([1.0])
    assert journal.record_number(0, optimizer, now) is None, "no rate is known"
    journal.record_rates(0, optimizer)
    assert journal.record_number(0, optimizer, now) == 1.0
    optimizer.param_groups[0]["lr"] = 0.25
    assert journal.record_number(1, optimizer, now) is None
    journal.record_rates(1, optimizer)
    assert journal.record_number(1, optimizer, now) == 1.0
    assert journal.record_number(1, optimizer, now + 2 * module.WRITE_SECONDS) is None, "it is time to write"
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))]})
    assert journal.record_number(2, optimizer, now) is None
    journal.pending.append(2.0)
    assert journal.record_number(2, optimizer, now) is None


def test_rates_are_written_where_they_change(journal: Journal, writer: RunWriter, tmp_path: Path) -> None:
    optimizer = SGD([nn.Parameter(torch.ones(1))], lr=0.5)
    journal.name(Index.GROUP, ["group0"])
    for step, rate in enumerate((0.5, 0.5, torch.tensor(0.25), 0.25)):
        optimizer.param_groups[0]["lr"] = rate
        assert journal.record_rates(step, optimizer) == (float(rate),)
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))], "lr": 1.0})
    assert journal.record_rates(4, optimizer) == (0.25, 1.0)
    writer.flush()
    table = Run.open(tmp_path).table(signals.LEARNING_RATE)
    assert table.steps.tolist() == [0, 2, 4]
    assert table.names == ("group0", "group1")
    assert table.values[-1].tolist() == [0.25, 1.0]


def test_what_comes_before_the_stream_has_its_number_is_kept(writer: RunWriter, tmp_path: Path) -> None:
    journal = Journal(writer, itertools.count(3))
    journal.state(facts.Event(step=0, what="early"))
    journal.add(signals.LOSS, 0, 1.0)
    assert not journal.opened
    journal.open()
    assert journal.opened
    journal.note_loss(of(2.0), 0, trace)
    journal.record_loss(0, now=True)
    writer.flush()
    assert journal._stream == 3
    (run,) = Run.open(tmp_path).streams()
    assert [event.what for event in run.facts(facts.Event)] == ["early"]
    assert run.series(signals.LOSS).values.tolist() == [2.0]


def test_numbers_that_are_kept_come_with_the_sample(journal: Journal, writer: RunWriter, tmp_path: Path) -> None:
    journal.later(signals.BATCH_SEEN_BEFORE, 0.5)
    journal.add_later(4)
    journal.add_later(5)
    writer.flush()
    series = Run.open(tmp_path).series(signals.BATCH_SEEN_BEFORE)
    assert (series.steps.tolist(), series.values.tolist()) == ([4], [0.5])


def test_layers_are_named_as_they_appear(journal: Journal, writer: RunWriter, tmp_path: Path) -> None:
    for layers in (["a"], ["b"]):
        journal.name(Index.LAYER, layers)
    journal.add_sample(0, {signals.ACTIVATION_MEAN: [1.0, 2.0]})
    writer.flush()
    assert Run.open(tmp_path).table(signals.ACTIVATION_MEAN).names == ("a", "b")


def test_means_are_written_as_far_as_they_are_known(journal: Journal, writer: RunWriter, tmp_path: Path) -> None:
    journal.add_means(7, training=(1.0, None), validation=(None, 0.5))
    writer.flush()
    run = Run.open(tmp_path)
    assert run.series(signals.TRAIN_LOSS).values.tolist() == [1.0]
    assert run.series(signals.VALIDATION_ACCURACY).steps.tolist() == [7]
    assert len(run.series(signals.TRAIN_ACCURACY)) == len(run.series(signals.VALIDATION_LOSS)) == 0


def test_a_run_that_cannot_be_written_ends_the_writing_alone(
    journal: Journal, writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def full(*_: object, **__: object) -> None:
        attempts.append(1)
        raise OSError("no space left on device")

    for method in ("add_sample", "add_series", "state", "name", "array"):
        monkeypatch.setattr(writer, method, full)
    journal.note_loss(of(1.0), 0, trace)
    assert journal.record_loss(0, now=True) == 1.0
    assert isinstance(journal.failure, OSError)
    journal.add(signals.LOSS, 1, 1.0)
    journal.state(facts.Event(step=0, what="never"))
    journal.name(Index.LAYER, ["a"])
    journal.array("filters", 0, [1.0])
    assert attempts == [1], "it is not tried again"
