"""A short form of ``benchmarks/advice.py``: what is advised is obeyed once, and helps."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from unstuck.record import Finding

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def advice() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))  # pyright: ignore[reportUnknownMemberType]
        yield importlib.import_module("advice")


@pytest.mark.parametrize(
    ("text", "obeyed"),
    [
        ("Lower the learning rate (lr=10 at train.py:8): try lr=0.4 (a fifth)", {"lr": 0.4}),
        ("Lower the learning rate (lr=1e+03 in SGD): try lr=1e-05.", {"lr": 1e-5}),
        ("Lower eps=1 at t.py:3: try eps=1e-08; 1e-6 where needed", {"eps": 1e-8}),
        ("Take larger batches: try batch_size=32; or else", {"batch_size": 32}),
        ("Divide lr=1.5 in SGD by three until the loss falls.", None),
    ],
)
def test_the_first_number_that_is_advised_is_obeyed(advice: ModuleType, text: str, obeyed: dict[str, float]) -> None:
    setting = advice.Setting(method="SGD", lr=7.0, eps=1.0, batch_size=7)
    finding = Finding(code="O201", cause="lr-too-high", severity="error", confidence=1.0, summary="", advice=text)
    changed = advice.obeyed(setting, [finding])
    assert (changed and {k: v for k, v in vars(changed).items() if v != getattr(setting, k)}) == obeyed


@pytest.mark.slow
@pytest.mark.parametrize("method", ["SGD", "momentum", "Adam"])
@pytest.mark.parametrize("lr", [1e-5, 300.0])
def test_a_rate_that_is_far_off_is_put_right_at_once(advice: ModuleType, method: str, lr: float) -> None:
    case = advice.Case(
        problem="digits mlp",
        constant="lr",
        wrong=advice.Setting(method=method, lr=lr),
        sweep=tuple(advice.Setting(method=method, lr=rate) for rate in (0.01, 0.03, 0.3)),
    )
    outcome = advice.tried(case)
    assert outcome.before > 0.5
    assert outcome.kind == "right"
