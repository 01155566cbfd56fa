from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unstuck.record import Run, signals
from unstuck.record.facts import GradientCall, GradientChange, Model, Optimizer, Parameter, ParameterGroup
from unstuck.rules.gradient.gradient_altered import GradientAltered
from unstuck.testing.rules import RuleContract, outcome, record

CLIP = GradientCall(name="clip_grad_norm_", file="train.py", line=31)
UNSCALE = GradientCall(name="unscale_", file="train.py", line=30)
MULTIPLY = GradientCall(name="mul_", file="train.py", line=32)


def run_with(
    folder: Path,
    *,
    end: float = 2.3,
    ratio: float = 1e-6,
    method: str = "SGD",
    epsilon: float | None = None,
    steps: int = 6,
    **change: Any,
) -> Run:
    given = {"before": 0.5, "after": 0.5, "cosine": 1.0, **change}
    losses = end + (2.3 - end) * np.exp(-np.linspace(0, 6, 60))
    facts = [
        Model(type="Net", parameters=(Parameter(name="0.weight", shape=(10, 10), role="weight"),)),
        Optimizer(type=method, groups=(ParameterGroup(parameters=1, learning_rate=0.1, epsilon=epsilon),)),
        *(GradientChange(step=2**step, **given) for step in range(steps)),
    ]
    tables = {signals.UPDATE_RATIO: {"0.weight": [ratio] * 60}}
    return record(folder, series={signals.LOSS: list(losses)}, tables=tables, facts=facts)


SCALED: dict[str, Any] = {"before": 30_000.0, "after": 1 / 65_536, "scale": 65_536.0}
TINY: dict[str, Any] = {"after": 1e-4, "calls": (CLIP,)}


class TestGradientAltered(RuleContract):
    rule = GradientAltered()

    @pytest.fixture
    def sick(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "sick", calls=(CLIP, UNSCALE), **SCALED)

    @pytest.fixture
    def healthy(self, tmp_path: Path) -> Run:
        return run_with(tmp_path / "healthy", calls=(UNSCALE, CLIP), **(SCALED | {"after": 0.45}))


def test_the_line_that_clips_too_early_is_named(tmp_path: Path) -> None:
    (finding,) = outcome(GradientAltered(), run_with(tmp_path, calls=(CLIP, UNSCALE), **SCALED))
    assert (finding.where.file, finding.where.line, finding.severity) == ("train.py", 31, "error")
    assert "unscale_" in finding.advice


def test_a_norm_so_large_that_the_scale_matters_not_is_passed_over(tmp_path: Path) -> None:
    wide = SCALED | {"after": 0.4}
    assert outcome(GradientAltered(), run_with(tmp_path, calls=(CLIP, UNSCALE), ratio=1e-3, **wide)) == []


@pytest.mark.parametrize(
    ("after", "ratio", "found"), [(1e-4, 1e-6, 1), (0.1, 1e-4, 0), (1e-4, 1e-9, 0), (1e-4, 2e-3, 0)]
)
def test_clipping_is_blamed_where_undoing_it_would_mend_the_step(
    tmp_path: Path, after: float, ratio: float, found: int
) -> None:
    assert len(outcome(GradientAltered(), run_with(tmp_path, after=after, ratio=ratio, calls=(CLIP,)))) == found


def test_the_norm_that_is_usual_is_the_one_to_clip_at(tmp_path: Path) -> None:
    (finding,) = outcome(GradientAltered(), run_with(tmp_path, **TINY))
    assert "max_norm to about 0.5" in finding.advice


@pytest.mark.parametrize(("epsilon", "found"), [(1e-8, 0), (1e-4, 1)])
def test_adam_divides_the_size_away_unless_its_epsilon_is_larger(tmp_path: Path, epsilon: float, found: int) -> None:
    assert len(outcome(GradientAltered(), run_with(tmp_path, method="Adam", epsilon=epsilon, **TINY))) == found


def test_what_learns_well_may_do_as_it_likes(tmp_path: Path) -> None:
    assert outcome(GradientAltered(), run_with(tmp_path / "a", end=0.1, **TINY)) == []
    replaced = run_with(tmp_path / "b", end=0.1, cosine=0.0, calls=(MULTIPLY,))
    assert outcome(GradientAltered(), replaced) == []


def test_gradients_that_are_cleared_before_the_update(tmp_path: Path) -> None:
    zero = GradientCall(name="zero_grad", file="train.py", line=9)
    (finding,) = outcome(GradientAltered(), run_with(tmp_path, after=0.0, cosine=0.0, ratio=0.0, calls=(zero,)))
    assert finding.summary.startswith("zero_grad sets all gradients to zero")
    assert finding.where.line == 9


@pytest.mark.parametrize(("cosine", "found"), [(0.0, 1), (0.6, 0)])
def test_another_direction_is_found_and_signs_are_not(tmp_path: Path, cosine: float, found: int) -> None:
    run = run_with(tmp_path, cosine=cosine, ratio=1e-3, calls=(MULTIPLY,))
    assert len(outcome(GradientAltered(), run)) == found


@pytest.mark.parametrize(("after", "found"), [(500.0, 1), (2.0, 0)])
def test_gradients_made_far_too_long(tmp_path: Path, after: float, found: int) -> None:
    assert len(outcome(GradientAltered(), run_with(tmp_path, after=after, ratio=3.0, calls=(MULTIPLY,)))) == found


def test_clipping_after_the_update_is_a_note(tmp_path: Path) -> None:
    (finding,) = outcome(GradientAltered(), run_with(tmp_path / "a", end=0.1, late=(CLIP,)))
    assert finding.severity == "note"
    assert outcome(GradientAltered(), run_with(tmp_path / "b", end=0.1, late=(CLIP,), calls=(CLIP,))) == []


def test_overflows_that_the_scaler_skips_do_not_count(tmp_path: Path) -> None:
    run = run_with(tmp_path, before=math.inf, after=math.inf, cosine=math.nan)
    assert [gate.admits(run) for gate in GradientAltered.applies_to] == [False]


@pytest.mark.parametrize(("after", "method", "found"), [(3e4, "SGD", 1), (3e4, "Adam", 0), (0.45, "SGD", 0)])
def test_a_step_past_the_scaler(tmp_path: Path, after: float, method: str, found: int) -> None:
    run = run_with(tmp_path, **(SCALED | {"after": after}), method=method, epsilon=1e-8, steps=1)
    findings = outcome(GradientAltered(), run)
    assert len(findings) == found
    assert all("scaler.step" in finding.advice for finding in findings)
