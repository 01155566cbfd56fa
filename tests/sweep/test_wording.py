from __future__ import annotations

from tests.sweep.formula import outcome
from unstuck.sweep.attempt import Try
from unstuck.sweep.wording import left, outcome_words, setting_words


def test_a_try_names_its_values_and_what_is_unusual_of_it(space):
    usual = Try(setting={"optimizer.lr": 0.01, "optimizer.weight_decay": 0}, stage="coarse")
    assert setting_words(space, usual) == "optimizer.lr=0.01  optimizer.weight_decay=0"
    other = Try(setting={"optimizer.lr": 0.01234567}, stage="coarse", seed=2, quick=True)
    assert setting_words(space, other) == "optimizer.lr=0.01235  seed 2  quick"


def test_an_outcome_says_what_it_came_to_or_why_it_ended():
    assert outcome_words(outcome(0.981, 0.0612)) == "accuracy 98.1%, loss 0.0612, 2 epochs"
    assert outcome_words(outcome(None, 0.5)) == "loss 0.5, 2 epochs"
    stopped = outcome(reason="pruned", code="O201", said="the loss climbs", epochs=1)
    assert outcome_words(stopped) == "stopped after 1 epoch O201: the loss climbs"
    assert outcome_words(outcome(reason="refused", epochs=0, said="no such key")) == "refused: no such key"


def test_times_are_said_as_people_do():
    assert [left(0.2), left(89), left(91), left(7300)] == [
        "about 1 s left", "about 89 s left", "about 2 min left", "about 2 h 2 min left",
    ]  # fmt: skip
