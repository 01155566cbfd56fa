from __future__ import annotations

import numpy as np
import pytest

from tests.confirm.conftest import RATE, losses
from unstuck.confirm.candidates import Refused
from unstuck.confirm.remarks import remarks, repeats
from unstuck.confirm.trial import Ended
from unstuck.record import signals
from unstuck.record.facts import Loss
from unstuck.testing.rules import record


def test_nothing_is_said_of_what_repeats_itself(make, tmp_path):
    values = losses(2.3, 2.3)
    with record(tmp_path / "run", series={signals.LOSS: values}) as run:
        assert list(remarks(run, run, [make("control-seed0", values)], ())) == []


def test_a_program_that_draws_other_numbers_each_time(make, tmp_path):
    control = make("control-seed0", losses(2.1, 2.1))
    with record(tmp_path / "run", series={signals.LOSS: losses(2.3, 2.3)}) as run:
        assert not repeats(run, control)
        (said,) = remarks(run, run, [control], ())
    assert "draws other numbers" in said


def test_a_variable_that_has_another_value_is_named_where_the_training_is_another(make, tmp_path):
    values = losses(2.3, 2.3)
    other = values.copy()
    other[1:] -= 0.1
    with record(tmp_path / "run", series={signals.LOSS: values}) as run:
        assert list(remarks(run, run, [make("control-seed0", values)], (), variables=["LR"])) == []
        (said,) = remarks(run, run, [make("control-seed1", other)], (), variables=["LR"])
    assert said == (
        "Unchanged, it trains otherwise than in the run, for LR has another value now, with which all was tried."
    )


def test_late_losses_may_differ(make, tmp_path):
    values = losses(2.3, 2.3)
    other = values.copy()
    other[50:] += 0.1
    with record(tmp_path / "run", series={signals.LOSS: values}) as run:
        assert repeats(run, make("control-seed0", other))


def test_a_control_that_fails_is_told(make, tmp_path):
    crashed = make("control-seed0", losses(2.3, 2.3), ended=Ended(how="crashed", status=1))
    (crashed.folder / "output.txt").write_text("KeyError: 'x'")
    with record(tmp_path / "run", series={signals.LOSS: losses(2.3, 2.3)}) as run:
        assert list(remarks(run, run, [crashed], ())) == ["Unchanged, it now ends with an error: KeyError: 'x'"]


def test_an_error_that_a_change_brings_is_told_once(make, tmp_path):
    control = make("control-seed0", losses(2.3, 2.3))
    crashed = [
        make(f"rate-seed{seed}", losses(2.3, 2.3), changes=RATE, seed=seed, ended=Ended(how="crashed", status=1))
        for seed in range(2)
    ]
    for one in crashed:
        (one.folder / "output.txt").write_text("ValueError: nan")
    with record(tmp_path / "run", series={signals.LOSS: losses(2.3, 2.3)}) as run:
        said = list(remarks(run, run, [control, *crashed], ()))
    assert said == ["With the rate at 0.1 it ends with an error: ValueError: nan"]


def test_a_program_that_is_slow_to_start_is_told_how_long_was_waited(make, tmp_path):
    late = make("control-seed0", losses(2.3, 2.3), ended=Ended(how="late", seconds=31.4))
    with record(tmp_path / "run", series={signals.LOSS: losses(2.3, 2.3)}) as run:
        (said,) = remarks(run, run, [late], ())
    assert said.startswith("Unchanged, it had not made its first update after 31 seconds, ")


@pytest.mark.parametrize(("how", "option"), [("cut", "--minutes"), ("time", "--seconds")])
def test_a_program_of_slow_steps_is_told_how_many_it_made(make, tmp_path, how, option):
    few = make("control-seed0", losses(2.3, 2.3)[:5], ended=Ended(how=how, seconds=20.2))
    with record(tmp_path / "run", series={signals.LOSS: losses(2.3, 2.3)}) as run:
        said = list(remarks(run, run, [few], ()))
    assert said == [f"Unchanged, it made 5 updates in 20 seconds, too few to be compared; {option} gives it more."]


def test_a_control_that_may_not_write_is_told_where_it_may(make, tmp_path):
    crashed = make("control-seed0", losses(2.3, 2.3), ended=Ended(how="crashed", status=1))
    (crashed.folder / "output.txt").write_text("OSError: [Errno 30] Read-only file system: '/opt/x'")
    with record(tmp_path / "run", series={signals.LOSS: losses(2.3, 2.3)}) as run:
        said = list(remarks(run, run, [crashed], ()))
    assert said[1].startswith("A trial may write only below its working directory, ")


def test_a_loss_that_tells_nothing(make, tmp_path):
    drawn = np.random.default_rng(0).normal(size=300)
    control = make("control-seed0", drawn, loss=Loss(function="own"))
    with record(tmp_path / "run", series={signals.LOSS: drawn}) as run:
        (said,) = remarks(run, run, [control], ())
    assert said.startswith("Whether it learns cannot be told by its loss")


def test_what_could_not_be_tried(tmp_path):
    refused = [Refused(cause="lr-too-high", remedy="learning-rate", why="it compiles")] * 2
    with record(tmp_path / "run", series={signals.LOSS: losses(2.3, 2.3)}) as run:
        assert list(remarks(run, run, [], refused)) == ["Nothing could be tried for lr-too-high: it compiles."]


def test_of_several_trainings_one_is_named(tmp_path):
    folder = tmp_path / "run"
    from unstuck.record import Run, RunWriter

    with RunWriter(folder) as writer:
        for stream in range(2):
            for step in range(20):
                writer.add(signals.LOSS, step, 1.0, stream=stream)
    with Run.open(folder) as run:
        (said,) = remarks(run, run.streams()[1], [], ())
    assert said.startswith("Of several trainings, ")
