from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from unstuck.record import Finding, Run, signals
from unstuck.record.facts import Connection, Layer, Model, Parameter, Wiring
from unstuck.rules import judge
from unstuck.rules.initialisation.weight_scale_off import WeightScaleOff
from unstuck.testing.rules import RuleContract, outcome, record

SHAPES = ((60, 784), (60, 60), (60, 60), (10, 60))
FLAT, LEARNT = np.full(50, 2.3), np.geomspace(2.3, 0.02, 50)


def start(
    folder: Path,
    scales: Sequence[float],
    *,
    loss: np.ndarray = FLAT,
    update: float = 1e-3,
    norm: bool = False,
    validation: Sequence[float] = (),
    fresh: bool | None = None,
) -> Run:
    """A run whose weights start at scales in units of 1 / sqrt(fan in), with first updates of a share of their size."""
    names = [f"net.{i}.weight" for i in range(len(SHAPES))]
    layers = [Layer(path=f"net.{i}", type="Linear") for i in range(len(SHAPES))]
    layers += [Layer(path="norm", type="LayerNorm")] if norm else []
    model = Model(
        type="Net",
        layers=tuple(layers),
        parameters=tuple(
            Parameter(name=n, shape=s, role="weight", fresh=fresh) for n, s in zip(names, SHAPES, strict=True)
        ),
    )
    wires = [Connection(parameter=names[0], inputs=True)]
    wires += [Connection(parameter=name, operations=("Relu",)) for name in names[1:]]
    sizes = [c / math.sqrt(s[1]) * math.sqrt(math.prod(s)) for c, s in zip(scales, SHAPES, strict=True)]
    tables = {
        signals.WEIGHT_NORM: {name: [size] * 10 for name, size in zip(names, sizes, strict=True)},
        signals.UPDATE_NORM: {name: [update * size] * 10 for name, size in zip(names, sizes, strict=True)},
    }
    facts = (model, Wiring(connections=tuple(reversed(wires))))
    series = {signals.LOSS: loss, signals.VALIDATION_LOSS: validation}
    evaluated = range(len(loss) - len(validation), len(loss))
    return record(folder, series=series, tables=tables, facts=facts, steps={signals.VALIDATION_LOSS: evaluated})


class TestContract(RuleContract):
    rule = WeightScaleOff()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return start(tmp_path / "sick", [28.0, 7.7, 7.7, 7.7])

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return start(tmp_path / "healthy", [1.4] * 4)


@pytest.mark.parametrize("scales", [[28.0, 7.7, 7.7, 7.7], [0.08, 0.02, 0.02, 0.02]])
def test_weights_far_off_are_the_first_finding(tmp_path: Path, scales: list[float]) -> None:
    with start(tmp_path / "a", scales) as run:
        first = judge(run).findings[0]
    assert (first.code, first.cause, first.severity) == ("I102", "init-scale-wrong", "error")


@pytest.mark.parametrize("scale", [0.55, 0.58, 1.0, 1.41, 2.4])
def test_the_usual_schemes_are_silent_whatever_the_loss_does(tmp_path: Path, scale: float) -> None:
    with start(tmp_path / "a", [scale] * 4) as run:
        assert outcome(WeightScaleOff(), run) == []


def test_one_small_layer_is_silent(tmp_path: Path) -> None:
    with start(tmp_path / "a", [0.58, 0.58, 0.58, 0.01]) as run:
        assert outcome(WeightScaleOff(), run) == []


def test_norms_make_the_scale_immaterial(tmp_path: Path) -> None:
    with start(tmp_path / "a", [0.05] * 4, norm=True) as run:
        assert outcome(WeightScaleOff(), run) == []


def test_what_learns_well_is_silent(tmp_path: Path) -> None:
    with start(tmp_path / "a", [28.0, 7.7, 7.7, 7.7], loss=LEARNT) as run:
        assert outcome(WeightScaleOff(), run) == []


def test_what_learns_by_heart_from_large_weights_is_a_warning(tmp_path: Path) -> None:
    lagging, sound = [2.3, 1.9, 1.8], [2.3, 0.1, 0.03]
    for number, (scales, validation) in enumerate((([28.0, 7.7, 7.7, 7.7], lagging), ([1.4] * 4, lagging))):
        with start(tmp_path / f"{number}", scales, loss=LEARNT, validation=validation) as run:
            assert [f.severity for f in outcome(WeightScaleOff(), run)] == ["warning"] * (number == 0)
    with start(tmp_path / "sound", [28.0, 7.7, 7.7, 7.7], loss=LEARNT, validation=sound) as run:
        assert outcome(WeightScaleOff(), run) == []


def test_a_first_step_larger_than_the_weights_hides_their_start(tmp_path: Path) -> None:
    with start(tmp_path / "a", [28.0, 7.7, 7.7, 7.7], update=0.95) as run:
        assert all(
            finding.severity != "error" for finding in WeightScaleOff().apply(run) if hasattr(finding, "severity")
        )


@pytest.mark.parametrize(("fresh", "judged"), [(None, True), (True, True), (False, False)])
def test_nobody_is_told_to_draw_anew_what_was_trained(tmp_path: Path, fresh: bool | None, judged: bool) -> None:
    with start(tmp_path, [28.0, 7.7, 7.7, 7.7], fresh=fresh) as run:
        (answer,) = WeightScaleOff().check(run)
    assert isinstance(answer, Finding) is judged
