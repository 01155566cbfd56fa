from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from unstuck.record import Index, Run, RunWriter, facts, signals
from unstuck.report.describe import EVENTS, fact_rows, layer_rows, one_line, trainings
from unstuck.report.wording import ENGLISH


def test_a_run_in_one_line(healthy: Run, tmp_path: Path) -> None:
    assert one_line(healthy, ENGLISH) == "digits · CNN · SGD at rate 0.1 · 900 steps · completed"
    with RunWriter(tmp_path), Run.open(tmp_path) as run:
        assert "nothing is known" in one_line(run, ENGLISH)


def test_a_rate_that_climbs_first_is_told_to_its_peak(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer, Run.open(tmp_path) as run:
        writer.state(facts.Optimizer(type="AdamW", groups=(facts.ParameterGroup(parameters=1, learning_rate=1e-5),)))
        assert one_line(run, ENGLISH) == "AdamW at rate 1e-5"
        writer.name(Index.GROUP, ["0"])
        for step, rate in enumerate((1e-5, 5e-4, 1e-3, 1e-4)):
            writer.add(signals.LEARNING_RATE, step, [rate])
        writer.flush()
        assert one_line(run, ENGLISH) == "AdamW at rate 1e-5 to 1e-3"
        assert fact_rows(run, ENGLISH)[0].lines == ("AdamW", "1 tensors · rate 1e-5 to 1e-3")


def test_a_rate_that_falls_is_told_as_it_begins(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer, Run.open(tmp_path) as run:
        writer.state(facts.Optimizer(type="SGD", groups=(facts.ParameterGroup(parameters=1, learning_rate=0.1),)))
        writer.name(Index.GROUP, ["0"])
        for step, rate in enumerate((0.1, 0.05, 0.0)):
            writer.add(signals.LEARNING_RATE, step, [rate])
        writer.flush()
        assert one_line(run, ENGLISH) == "SGD at rate 0.1"


def test_an_optimizer_whose_rate_was_never_sampled(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        group = facts.ParameterGroup(parameters=2, learning_rate=0.1)
        writer.state(facts.Optimizer(type="SGD", groups=(group,)))
    with Run.open(tmp_path) as run:
        (row,) = fact_rows(run, ENGLISH)
    assert row.lines[0] == "SGD"
    assert "0.1" in row.lines[1]


def test_a_program_without_modules_has_no_name_of_a_model(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer, Run.open(tmp_path) as run:
        writer.state(facts.Model(type="", parameters=(), layers=()))
        writer.state(facts.End(reason="completed", steps=5))
        assert one_line(run, ENGLISH) == "5 steps · completed"


def test_a_run_without_an_end_says_so(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer, Run.open(tmp_path) as run:
        writer.add(signals.LOSS, 41, 0.5)
        writer.flush()
        assert one_line(run, ENGLISH) == "42 steps so far"


def test_every_kind_of_fact_has_its_row(sick: Run) -> None:
    rows = {row.name: row.lines for row in fact_rows(sick, ENGLISH)}
    assert rows["Data"] == ("digits, classification: 1,437 training, 180 validation, 180 test examples", "10 classes")
    assert rows["Optimizer"] == ("SGD · train.py:41", "8 tensors · rate 10 · momentum 0.9 · weight decay 1e-4")
    assert rows["Initial loss"] == ("2.31; expected 2.3 ± 0.05 (ln C, C = 10)",)
    assert rows["First NaN or infinity"] == ("loss at step 720",)
    assert rows["Ended"] == ("diverged after 900 steps",)
    assert rows["Evaluations"] == ("20 evaluations", "accuracy of 20 known")
    assert len(rows) == 13


def test_layers_hold_their_own_parameters(healthy: Run) -> None:
    rows = {row.path: row for row in layer_rows(healthy, ENGLISH)}
    assert rows["0"].shapes == ("weight 16×1×3×3", "bias 16")
    assert rows["0"].count == 160
    assert rows["1"].count == 0


def test_frozen_forgotten_and_loose_parameters_are_remarked(tmp_path: Path) -> None:
    parameters = (
        facts.Parameter(name="a.weight", shape=(2, 2), trainable=False),
        facts.Parameter(name="b.weight", shape=(3,), optimized=False),
        facts.Parameter(name="scale", shape=()),
    )
    model = facts.Model(
        type="M", layers=(facts.Layer(path="a", type="A"), facts.Layer(path="b", type="B")), parameters=parameters
    )
    with RunWriter(tmp_path) as writer:
        writer.state(model)
    with Run.open(tmp_path) as run:
        a, b, other = layer_rows(run, ENGLISH)
    assert (a.remarks, b.remarks) == (("frozen",), ("not in the optimizer",))
    assert (other.shapes, other.count) == (("scale 1",), 1)


def test_many_events_are_counted(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for step in range(EVENTS + 3):
            writer.state(facts.Event(step=step, what="the optimizer skipped a step"))
    with Run.open(tmp_path) as run:
        (row,) = fact_rows(run, ENGLISH)
    assert len(row.lines) == EVENTS + 1
    assert row.lines[-1] == "and 3 more"


def test_all_trainings_are_named_and_those_alike_counted(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run") as writer:
        for stream, steps in enumerate((5, 5, 7)):
            writer.add(signals.LOSS, 0, 1.0, stream=stream)
            writer.state(facts.End(reason="completed", steps=steps), stream=stream)
    with Run.open(tmp_path / "run") as run:
        assert trainings(run, ENGLISH) == "3 trainings: 2 × 5 steps · completed; 7 steps · completed"


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(0.0, 1.0), (1.0, 2.0), (3.0, 4.0)], "3 trainings, one after the other: 3 × 5 steps · completed"),
        ([(0.0, 1.0), (0.0, 2.0), (0.5, 4.0)], "3 trainings at the same time: 3 × 5 steps · completed"),
        ([(0.0, 1.0), (0.5, 2.0), (3.0, 4.0)], "3 trainings, up to 2 at the same time: 3 × 5 steps · completed"),
    ],
)
def test_trainings_are_said_to_run_one_after_the_other_or_at_once(
    spans: list[tuple[float, float]], said: str, tmp_path: Path
) -> None:
    with RunWriter(tmp_path / "run") as writer:
        for stream, (began, ended) in enumerate(spans):
            writer.add(signals.LOSS, 0, 1.0, stream=stream)
            writer.state(facts.Span(began=began, ended=ended, thread=1), stream=stream)
            writer.state(facts.End(reason="completed", steps=5), stream=stream)
    with Run.open(tmp_path / "run") as run:
        assert trainings(run, ENGLISH) == said


def test_a_training_that_was_recorded_in_part_is_not_said_to_be_completed_alone(tmp_path: Path) -> None:
    end = facts.End(reason="completed", steps=5, backward_passes=50, unrecorded=45)
    said = "completed, but 45 of 50 backward passes were not recorded"
    with RunWriter(tmp_path / "run") as writer:
        for stream in range(2):
            writer.add(signals.LOSS, 0, 1.0, stream=stream)
            writer.state(end, stream=stream)
    with Run.open(tmp_path / "run") as run:
        assert one_line(run, ENGLISH) == f"5 steps · {said}"
        assert trainings(run, ENGLISH).endswith(
            ": 2 × 5 steps · completed, but 90 of 100 backward passes were not recorded"
        )
        assert {row.name: row.lines for row in fact_rows(run, ENGLISH)}["Ended"] == (f"after 5 steps: {said}",)


@pytest.mark.parametrize(
    ("sizes", "lines"),
    [
        ([360.0], ("1 evaluation", "360 examples each", "neither their loss nor their accuracy is known")),
        (
            [360.0, 1200.0],
            ("2 evaluations", "360 to 1,200 examples each", "neither their loss nor their accuracy is known"),
        ),
    ],
)
def test_evaluations_of_which_only_the_examples_are_known(
    sizes: list[float], lines: tuple[str, ...], tmp_path: Path
) -> None:
    with RunWriter(tmp_path / "run") as writer:
        for step, size in enumerate(sizes):
            writer.add(signals.EVALUATED, step, size)
    with Run.open(tmp_path / "run") as run:
        assert {row.name: row.lines for row in fact_rows(run, ENGLISH)}["Evaluations"] == lines


@pytest.mark.parametrize(
    ("kind", "examples", "words"),
    [("ids", 0, "ids, batch shape 32×64"), ("table", 32, "table, batch shape 32×64, values -1 to 2")],
)
def test_values_are_told_where_they_were_looked_at(
    tmp_path: Path, kind: Literal["ids", "table"], examples: int, words: str
) -> None:
    low, high = (-1.0, 2.0) if examples else (0.0, 0.0)
    with RunWriter(tmp_path) as writer, Run.open(tmp_path) as run:
        writer.state(facts.Inputs(shape=(32, 64), kind_of=kind, examples=examples, minimum=low, maximum=high))
        assert [row.lines for row in fact_rows(run, ENGLISH)] == [(words,)]
