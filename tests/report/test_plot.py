from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from unstuck.record import Run, RunWriter, Series, signals
from unstuck.report.plot import VALUES, Block, Line, Plot, block, ends_note, missing, nonfinite_note
from unstuck.report.wording import ENGLISH


def test_data_are_json_whatever_the_values() -> None:
    line = Line(name="</script>", values=np.array([1.23456789, np.nan, np.inf, -1e300]))
    plot = Plot(id="loss", name="Loss", title="", read="", blocks=(Block(np.arange(4), (line,)),))
    data = json.loads(json.dumps(plot.data(), allow_nan=False))
    assert data["blocks"][0]["lines"][0]["y"] == [1.2346, None, None, -1e300]


def test_lines_share_the_budget_of_their_block() -> None:
    values = np.random.default_rng(0).normal(size=(30_000, 40))
    thinned = block(np.arange(30_000), [Line(name=str(i), values=values[:, i]) for i in range(40)], 2_000)
    assert len(thinned.steps) * 40 <= VALUES * 1.01
    assert all(len(line.values) == len(thinned.steps) for line in thinned.lines)


def test_a_missing_plot_keeps_its_name_and_reading() -> None:
    plot = missing("dead", "no rectifier", ENGLISH)
    assert (plot.name, plot.missing, plot.blocks) == ("Dead units by layer", "no rectifier", ())
    assert plot.read


def test_samples_that_end_before_the_training_are_told(tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer:
        for step in range(100):
            writer.add(signals.LOSS, step, 1.0)
    with Run.open(tmp_path) as run:
        assert ends_note(run, np.arange(50), ENGLISH)[0].startswith("Samples end at step 49 of 99")
        assert ends_note(run, np.arange(95), ENGLISH) == ()


def test_gaps_are_counted_and_dated() -> None:
    broken = Series(np.array([0, 5, 9]), np.array([1.0, np.nan, np.inf]))
    (note,) = nonfinite_note([broken], ENGLISH)
    assert note.startswith("2 of 3 samples")
    assert note.endswith("the first is at step 5.")
    assert nonfinite_note([Series(np.arange(2), np.ones(2))], ENGLISH) == ()
