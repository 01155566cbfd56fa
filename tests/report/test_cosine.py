from __future__ import annotations

from pathlib import Path

from unstuck.record import signals
from unstuck.report.cosine import gradient_cosine
from unstuck.report.wording import ENGLISH
from unstuck.testing.rules import record


def test_it_draws_the_cosine_with_the_level_of_chance(tmp_path: Path) -> None:
    with record(tmp_path / "run", series={signals.GRADIENT_COSINE: [0.9] * 50 + [-0.25] * 50}) as run:
        plot = gradient_cosine(run, ENGLISH, rows=400)
    assert plot.title == "Successive gradients have a cosine of -0.25 over the last half"
    assert [line.kind for line in plot.blocks[0].lines] == ["raw", "line"]
    assert plot.references[0].value == 0.0


def test_few_samples_are_given_by_their_range(tmp_path: Path) -> None:
    with record(tmp_path / "run", series={signals.GRADIENT_COSINE: [0.9, -0.25, 0.5]}) as run:
        plot = gradient_cosine(run, ENGLISH, rows=400)
    assert plot.title == "Of 3 pairs of successive gradients sampled, the cosines go from -0.25 to 0.9"


def test_without_samples_it_says_why(tmp_path: Path) -> None:
    with record(tmp_path / "run", series={signals.LOSS: [1.0, 1.0]}) as run:
        assert gradient_cosine(run, ENGLISH, rows=400).missing
