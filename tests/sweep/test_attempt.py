from __future__ import annotations

import json
import math

import pytest

from tests.sweep.formula import outcome
from unstuck.sweep.attempt import Outcome, Try, better


def test_a_try_is_known_by_setting_seed_and_data_and_not_by_why_it_is_made():
    one = Try(setting={"a": 1, "b": [2]}, stage="coarse")
    assert one.key == Try(setting={"b": [2], "a": 1}, stage="fine", patience=20).key
    others = (Try(setting={"a": 1}, stage="coarse"), Try(setting=one.setting, stage="coarse", seed=1))
    assert one.key not in {other.key for other in (*others, Try(setting=one.setting, stage="coarse", quick=True))}


@pytest.mark.parametrize(
    "one", [outcome(), Outcome(reason="pruned", curve=((0.1, math.nan, math.inf),), code="N101", said="it blew up")]
)
def test_an_outcome_survives_json(one):
    back = Outcome.of(json.loads(json.dumps(one.to_dict(), allow_nan=False)))
    assert back.to_dict() == one.to_dict()
    assert back.kept == one.kept


def test_the_better_is_more_often_right_then_of_less_loss():
    assert better(outcome(0.9, 0.5), outcome(0.8, 0.1))
    assert better(outcome(0.9, 0.1), outcome(0.9, 0.5))
    assert better(outcome(None, 0.1), outcome(None, 0.5))


@pytest.mark.parametrize("reason", ["pruned", "diverged", "refused", "failed"])
def test_what_was_stopped_is_worth_less_than_anything(reason):
    assert better(outcome(0.0, 9.0), outcome(0.99, 0.1, reason=reason))


def test_an_outcome_without_any_finite_number_is_not_kept():
    assert not Outcome(reason="completed").kept
