from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.confirm.conftest import RATE, losses
from unstuck.confirm.conclude import FOUND_BY_TRIAL, with_trials
from unstuck.record import Finding, Learnt, TrainingName, facts

STUCK = (Learnt(training=TrainingName(), kind="not learnt", shown="not learnt"),)
WELL = (Learnt(training=TrainingName(), kind="improvable", shown="improvable"),)

DECAY = (("weight-decay", {}),)


def finding(cause, code="O202", severity="error", **more):
    return Finding(
        code=code, cause=cause, severity=severity, confidence=0.8, summary="it", advice="Raise the rate.", **more
    )


@pytest.fixture
def restored(make):
    return [
        make("control-seed0", losses(2.3, 2.3)),
        make("rate-seed0", losses(2.3, 0.3, seed=1), changes=RATE, causes=("lr-too-low",)),
        make("decay-seed0", losses(2.3, 2.3, seed=2), changes=DECAY, causes=("regularisation-too-strong",), turn=1),
    ]


def test_what_helps_confirms_its_cause_and_puts_it_first(restored):
    before = (finding("regularisation-too-strong", "R201"), finding("lr-too-low"))
    first, last = with_trials(before, STUCK, restored)
    assert (first.code, last.code) == ("O202", "R201")
    assert first.confirmed is not None
    assert first.confirmed.remedy == "with the rate at 0.1"
    assert first.confirmed.metric == "loss"
    assert first.confirmed.before == pytest.approx(2.3, abs=0.02)
    assert first.confirmed.after == pytest.approx(0.3, abs=0.02)
    assert first.advice == "Train with the rate at 0.1. No higher rate was tried."
    assert str(first.confirmed).startswith("with the rate at 0.1 the loss falls to 0.29")


def test_one_draw_makes_it_surer_and_a_second_that_agrees_surer_still(restored, make):
    (one,) = with_trials((finding("lr-too-low"),), STUCK, restored)
    assert one.confidence == pytest.approx(0.9)
    assert str(one.confirmed).endswith("(1 seed; the noise is that of its batches)")
    again = [
        make("control-seed1", losses(2.3, 2.3, seed=4), seed=1),
        make("rate-seed1", losses(2.3, 0.3, seed=5), changes=RATE, seed=1),
    ]
    (two,) = with_trials((finding("lr-too-low"),), STUCK, [*restored, *again])
    assert two.confidence == pytest.approx(0.96)
    assert str(two.confirmed).endswith("(2 of 2 seeds)")


def test_what_changes_nothing_refutes_its_cause_and_its_advice(restored):
    before = (finding("regularisation-too-strong", "R201"), finding("lr-too-low"))
    refuted = with_trials(before, STUCK, restored)[-1]
    assert refuted.refuted is not None
    assert refuted.confirmed is None
    assert refuted.confidence == pytest.approx(4 / 7)  # a third of the odds
    assert refuted.advice.startswith("Not this: with the rate at 0.1 the loss stays at 2.29")


def test_a_sure_finding_whose_change_does_nothing_stays_before_one_that_only_trials_show(restored):
    sure, weak = (finding("regularisation-too-strong", "R201"), finding("regularisation-too-strong", "R202"))
    judged = with_trials((replace(sure, confidence=0.97), replace(weak, confidence=0.6)), STUCK, restored)
    assert [one.code for one in judged] == ["R201", FOUND_BY_TRIAL, "R202"]


def test_what_nothing_was_tried_for_stays_before_what_only_trials_show_unless_it_is_unlikely(restored):
    likely, weak = finding("data-constant", "D101"), finding("data-constant", "D102")
    judged = with_trials((replace(likely, confidence=0.6), replace(weak, confidence=0.4)), STUCK, restored)
    assert [one.code for one in judged] == ["D101", FOUND_BY_TRIAL, "D102"]


def test_a_change_that_need_not_mend_its_cause_refutes_nothing(make):
    trials = [
        make("control-seed0", losses(2.3, 2.3)),
        make("rate-seed0", losses(2.3, 0.3, seed=1), changes=RATE, causes=("lr-too-low",)),
        make("decay-seed0", losses(2.3, 2.3), changes=DECAY, causes=("regularisation-too-strong",), decides=False),
    ]
    before = finding("regularisation-too-strong", "R201")
    kept = with_trials((before, finding("lr-too-low")), STUCK, trials)[-1]
    assert replace(kept, undecided="") == before
    assert kept.undecided.startswith("makes no difference that noise does not: with the rate at 0.1 the loss stays at")


def test_a_change_that_noise_lets_be_as_good_refutes_nothing(make):
    wild = 2.5 * np.random.default_rng(5).normal(size=300)
    trials = [
        make("control-seed0", losses(2.3, 2.3)),
        make("rate-seed0", losses(2.3, 0.3, seed=1), changes=RATE, causes=("lr-too-low",)),
        make("decay-seed0", losses(2.3, 2.0) + wild, changes=DECAY, causes=("regularisation-too-strong",)),
    ]
    before = finding("regularisation-too-strong", "R201")
    kept = with_trials((before, finding("lr-too-low")), STUCK, trials)[-1]
    assert replace(kept, undecided="") == before


def test_a_symptom_that_is_proved_leads_where_its_finding_was_tried_in_vain(restored):
    root = finding("regularisation-too-strong", "R201", symptoms=(finding("lr-too-low"), finding("loss-wrong", "L101")))
    (judged,) = with_trials((root,), STUCK, restored)
    assert (judged.code, [one.code for one in judged.symptoms]) == ("O202", ["R201", "L101"])
    assert judged.confirmed is not None


def test_a_note_does_not_lead_its_finding_nor_is_its_cause_found_anew(make):
    trials = [
        make("control-seed0", losses(2.3, 2.3)),
        make("rate-seed0", losses(2.3, 0.3, seed=1), changes=RATE, causes=("lr-too-low",)),
        make("decay-seed0", losses(2.3, 2.3), changes=DECAY, causes=("precision-unsuited",), turn=1, decides=False),
    ]
    root = finding("precision-unsuited", "N201", symptoms=(finding("lr-too-low", severity="note"),))
    (judged,) = with_trials((root,), STUCK, trials)
    assert judged.code == "N201"
    assert judged.symptoms[0].confirmed is not None


def test_a_change_that_learns_far_less_than_another_proves_nothing(make):
    trials = [
        make("control-seed0", np.geomspace(2.0, 1e12, 300)),
        make("rate-seed0", losses(2.3, 2.2, seed=1), changes=RATE, causes=("lr-too-high",)),
        make("sign-seed0", losses(2.3, 0.2, seed=2), changes=DECAY, causes=("gradient-sign-flipped",), turn=1),
    ]
    first, last = with_trials((finding("lr-too-high", "O201"), finding("gradient-sign-flipped", "G202")), STUCK, trials)
    assert (first.code, first.confirmed is not None) == ("G202", True)
    assert (last.code, last.confirmed) == ("O201", None)


def test_where_the_loss_is_another_one_shares_of_it_are_told(make):
    squares = facts.Loss(function="mse_loss", target=facts.LossTarget(shape=(9,), type="real", mean=0.0, variance=50.0))
    exchanged = (("loss-replaced", {"given": "cross_entropy", "loss": "mse_loss"}),)
    trials = [
        make("control-seed0", np.zeros(300), loss=facts.Loss(function="cross_entropy")),
        make("loss-seed0", losses(50.0, 10.0), changes=exchanged, causes=("loss-wrong",), loss=squares),
    ]
    (judged,) = with_trials((finding("loss-wrong", "L101"),), STUCK, trials)
    told = "the share of the loss explained rises to 80% in 300 steps; unchanged it stays at 0%"
    assert told in str(judged.confirmed)


def test_where_nothing_helps_nothing_is_refuted(make):
    trials = [make("control-seed0", losses(2.3, 2.3)), make("rate-seed0", losses(2.3, 2.3, seed=1), changes=RATE)]
    (same,) = with_trials((finding("lr-too-low"),), STUCK, trials)
    assert replace(same, undecided="") == finding("lr-too-low")


@pytest.mark.parametrize(
    ("end", "wild", "said"),
    [
        (2.0, 1.0, "not certain yet: with the rate at 0.1 the loss "),
        (9.0, 0.0, "makes it worse: with the rate at 0.1 the loss rises to "),
    ],
)
def test_a_trial_whose_result_is_in_doubt_is_told(make, end, wild, said):
    noise = wild * np.random.default_rng(5).normal(size=300)
    trials = [make("control-seed0", losses(2.3, 2.3)), make("rate-seed0", losses(2.3, end) + noise, changes=RATE)]
    (told,) = with_trials((finding("lr-too-low"),), STUCK, trials)
    assert (told.confirmed, told.refuted) == (None, None)
    assert told.undecided.startswith(said)
    assert ("times the noise" in told.undecided) == (end < 2.3)
    assert "seed" not in told.undecided


def test_a_change_that_helps_far_less_than_another_says_so(make):
    trials = [
        make("control-seed0", losses(2.3, 2.3)),
        make("rate-seed0", losses(2.3, 1.9, seed=1), changes=RATE),
        make("decay-seed0", losses(2.3, 0.2, seed=2), changes=DECAY, causes=("regularisation-too-strong",), turn=1),
    ]
    judged = with_trials((finding("lr-too-low"),), STUCK, trials)
    (told,) = [one for one in judged if one.code == "O202"]
    assert told.undecided.startswith("helps, but far less than another change: with the rate at 0.1 the loss falls")


def test_what_nothing_was_tried_for_stays(restored):
    kept = finding("data-constant", "D101")
    assert kept in with_trials((kept, finding("lr-too-low")), STUCK, restored)


def test_a_change_that_restores_learning_is_a_finding_of_its_own(restored):
    (found,) = with_trials((), STUCK, restored)
    assert (found.code, found.cause, found.severity) == (FOUND_BY_TRIAL, "lr-too-low", "error")
    assert found.confirmed is not None


def test_where_it_learns_in_more_steps_it_is_a_note(restored):
    (found,) = with_trials((), WELL, restored)
    assert found.severity == "note"


def test_a_change_that_only_helps_is_no_finding_of_its_own(make):
    trials = [make("control-seed0", losses(2.3, 1.0)), make("rate-seed0", losses(2.3, 0.8, seed=1), changes=RATE)]
    assert with_trials((), STUCK, trials) == ()


def test_a_mended_mistake_that_helps_much_is_a_note_where_the_rules_say_nothing(make):
    axis = (("softmax-axis", {"axis": 1}),)
    trials = [make("control-seed0", losses(2.3, 1.5)), make("axis-seed0", losses(2.3, 0.9, seed=1), changes=axis)]
    (note,) = with_trials((), STUCK, trials)
    assert (note.code, note.severity, note.confidence) == (FOUND_BY_TRIAL, "note", 0.5)
    assert "it learns more: the loss falls to 0.89" in note.summary
    other = finding("data-constant", "D101")
    assert with_trials((other,), STUCK, trials) == (other,)


BOTH = ("too-few-steps", "lr-too-low")


@pytest.mark.parametrize(
    ("end", "longer", "cause"),
    [
        (0.3, 0.4, "too-few-steps"),  # both restore learning
        (0.3, 1.9, "lr-too-low"),
        (0.3, None, "lr-too-low"),
        (1.7, None, "too-few-steps"),  # the rate helps, and does not restore it
    ],
)
def test_what_advice_asks_for_proves_its_own_cause_where_what_mends_the_other_is_no_help(make, end, longer, cause):
    trials = [
        make("control-seed0", losses(2.3, 2.2)),
        make("rate-seed0", losses(2.3, end, seed=1), changes=RATE, causes=BOTH, decides=False),
    ]
    if longer is not None:
        trials.append(make("decay-seed0", losses(2.3, longer, seed=2), changes=DECAY, causes=BOTH[:1], turn=1))
    (judged,) = with_trials((finding("too-few-steps", "O401"),), STUCK, trials)
    assert (judged.code, judged.cause) == ("O401", cause)
    assert judged.confirmed is not None
    assert judged.confirmed.remedy == "with the rate at 0.1"


@pytest.mark.parametrize("shown", ["improvable", "not learnt", "cannot be told", "healthy"])
def test_what_helps_much_in_two_draws_is_a_note_behind_all_others_where_the_training_is_not_healthy(make, shown):
    trials = [
        make("control-seed0", losses(2.3, 1.0)),
        make("control-seed1", losses(2.3, 1.02, seed=2), seed=1),
        make("rate-seed0", losses(2.3, 0.64, seed=1), changes=RATE),
        make("rate-seed1", losses(2.3, 0.66, seed=3), changes=RATE, seed=1),
    ]
    learnt = Learnt(training=TrainingName(), kind=shown, shown=shown)
    other = finding("overfitting", "R301", severity="note")
    first, *notes = with_trials((other,), (learnt,), trials)
    assert first == other
    assert [(one.code, one.severity, one.cause) for one in notes] == (
        [] if shown == "healthy" else [(FOUND_BY_TRIAL, "note", "lr-too-low")]
    )
    assert all("it learns more: the loss falls to 0.6" in one.summary for one in notes)
    assert all(one.summary.endswith("(2 of 2 seeds)") for one in notes)


def test_one_draw_is_enough_for_a_note_where_it_learns_most_of_what_is_left(make):
    trials = [make("control-seed0", losses(2.3, 1.0)), make("rate-seed0", losses(2.3, 0.2, seed=1), changes=RATE)]
    assert [one.code for one in with_trials((), WELL, trials)] == [FOUND_BY_TRIAL]
    assert [one.code for one in with_trials((finding("lr-too-low"),), WELL, trials)] == ["O202"]
    assert [one.code for one in with_trials((finding("overfitting", "R101"),), WELL, trials)] == ["R101"]


def test_notes_stay_behind(restored):
    note = finding("overfitting", "R301", severity="note")
    assert with_trials((note, finding("lr-too-low")), STUCK, restored)[-1] == note


def test_symptoms_are_confirmed_too(restored):
    root = finding("data-constant", "D101", symptoms=(finding("lr-too-low", severity="note"),))
    (judged,) = [one for one in with_trials((root,), STUCK, restored) if one.code == "D101"]
    assert judged.symptoms[0].confirmed is not None


def test_without_trials_nothing_changes():
    before = (finding("lr-too-low"),)
    assert with_trials(before, STUCK, ()) == before
