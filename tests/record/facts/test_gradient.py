"""What becomes of gradients between the backward pass and the update, as a run keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.record.facts import ConstantGradient, GradientCall, GradientChange
from unstuck.testing.rules import record

CLIPPED = GradientChange(
    step=3,
    before=8.0,
    after=1.0,
    cosine=1.0,
    scale=1024.0,
    calls=(GradientCall(name="unscale_", file="train.py", line=7), GradientCall(name="clip_grad_norm_")),
    late=(GradientCall(name="zero_grad", file="train.py", line=9),),
)


@pytest.mark.parametrize("change", [CLIPPED, GradientChange(step=0, before=0.0, after=0.0, cosine=0.0)])
def test_a_run_keeps_a_change_with_its_calls_in_their_order(tmp_path: Path, change: GradientChange) -> None:
    with record(tmp_path, facts=[change]) as run:
        assert run.facts(GradientChange) == (change,)


def test_a_gradient_that_nobody_scales_has_a_scale_of_one(tmp_path: Path) -> None:
    assert GradientChange(step=0, before=1.0, after=1.0, cosine=1.0).scale == 1.0


def test_a_run_keeps_where_a_gradient_is_taken_without_a_graph(tmp_path: Path) -> None:
    fact = ConstantGradient(step=2, file="train.py", line=9)
    with record(tmp_path, facts=[fact]) as run:
        assert run.facts(ConstantGradient) == (fact,)
