from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import Model, Parameter, Router
from unstuck.report.vitals import vitals
from unstuck.report.wording import ENGLISH
from unstuck.testing.rules import record

STEPS = 40


@pytest.fixture
def large(tmp_path: Path) -> Run:
    parameters = (
        Parameter(name="words.weight", shape=(100, 4), role="embedding"),
        Parameter(name="head.weight", shape=(100, 4), role="weight"),
    )
    return record(
        tmp_path,
        series={
            signals.LOSS: [1.0] * STEPS,
            signals.LOG_PARTITION: [4.6] * STEPS,
            signals.GRADIENT_COSINE: [0.5] * STEPS,
            signals.BATCH_SIZE: [32.0] * STEPS,
        },
        tables={
            signals.ATTENTION_LOGIT: {"a#0": [5.0] * STEPS, "a#1": [7.0] * STEPS, "b#0": [90.0] * STEPS},
            signals.ATTENTION_ENTROPY: {"a#0": [0.9] * STEPS, "a#1": [0.8] * STEPS, "b#0": [0.01] * STEPS},
            signals.EXPERT_LOAD: {"moe#0": [1.0] * STEPS, "moe#1": [0.0] * STEPS},
            signals.EFFECTIVE_RANK: {"a": [20.0] * STEPS, "b": [1.2] * STEPS},
            signals.WEIGHT_NORM: {"words.weight": [20.0] * STEPS, "head.weight": [40.0] * STEPS},
            signals.UPDATE_NORM: {"words.weight": [0.2] * STEPS, "head.weight": [0.1] * STEPS},
            signals.GRADIENT_NORM: {"words.weight": [3.0] * STEPS, "head.weight": [4.0] * STEPS},
        },
        facts=[Model(type="Net", parameters=parameters), Router(where="moe", experts=2, chosen=1, tokens=64)],
    )


def test_each_vital_is_drawn_and_told_by_its_worst_layer(large: Run) -> None:
    with large:
        plots = {plot.id: plot for plot in vitals(large, ENGLISH, rows=100)}
    assert plots["logit"].title == "The largest attention logit went from 90 to 90 (head 0 of b)"
    assert "1.0%" in plots["entropy"].title
    assert "(head 0 of b)" in plots["entropy"].title
    assert "100.0%" in plots["load"].title
    assert plots["load"].references[0].value == 0.5
    assert "1.2 directions (b)" in plots["rank"].title
    assert plots["norms"].title == "The size of head.weight went from 2 to 2"
    assert [line.name for line in plots["norms"].blocks[0].lines] == ["words.weight", "head.weight"]
    assert "(words.weight)" in plots["updates"].title
    assert plots["noise"].title == "The noise scale went from 32 to 32 examples, at a batch of 32"
    assert {"partition", "weights", "gradients"} <= plots.keys()


def test_a_small_model_has_none(tmp_path: Path) -> None:
    with record(tmp_path, tables={signals.EFFECTIVE_RANK: {"a": [20.0] * 5}}) as run:
        assert vitals(run, ENGLISH, rows=100) == ()


@pytest.mark.parametrize(("layers", "seen"), [(24, True), (23, False)])
def test_a_deep_model_has_those_of_its_weights(tmp_path: Path, layers: int, seen: bool) -> None:
    names = [f"{layer}.weight" for layer in range(layers)]
    model = Model(type="Net", parameters=tuple(Parameter(name=name, shape=(4, 4), role="weight") for name in names))
    norms = {name: [4.0] * 5 for name in names}
    with record(tmp_path, tables={signals.WEIGHT_NORM: norms, signals.UPDATE_NORM: norms}, facts=[model]) as run:
        drawn = [plot.id for plot in vitals(run, ENGLISH, rows=100)]
    assert drawn == (["norms", "weights", "updates"] if seen else [])


def test_what_was_not_measured_is_left_out(tmp_path: Path) -> None:
    with record(tmp_path, series={signals.LOG_PARTITION: [4.0] * 5}) as run:
        assert [plot.id for plot in vitals(run, ENGLISH, rows=100)] == ["partition"]
