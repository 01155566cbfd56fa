from __future__ import annotations

from tests.sweep.formula import SMALL, outcome
from tests.sweep.results import result
from unstuck.sweep import read_space
from unstuck.sweep.said import headline, sentences, stops, trade_rows


def test_the_headline_has_setting_measure_and_spread(space):
    expected = "optimizer.lr=0.022  optimizer.weight_decay=0: validation accuracy 97.9% ± 0.1 over 3 seeds"
    assert headline(result(space)) == expected


def test_a_regression_is_told_in_losses():
    space = read_space("mlp", over=["optimizer.lr=1e-3..1"], overrides=SMALL)
    found = result(space, lambda attempt: outcome(None, 0.1 + attempt.setting["optimizer.lr"]))
    assert "validation loss 0.101" in headline(found)


def test_sentences_say_how_sure_and_what_lies_at_the_end(space):
    said = " ".join(sentences(result(space)))
    assert "than the next" in said or "cannot be told from the next" in said
    assert "The recipe as it stands has 89." in said
    assert "4 of them stopped early" in said
    assert "may lie beyond" not in said
    edge = result(space, lambda attempt: outcome(0.9 - 0.01 * attempt.setting["optimizer.lr"]))
    assert "may lie beyond: optimizer.lr=0.001." in " ".join(sentences(edge))
    assert "what was there is put back" in " ".join(sentences(edge))


def test_a_recipe_that_was_stopped_as_it_stands_says_why(space):
    def judge(attempt):
        low = attempt.setting["optimizer.lr"] < 0.01
        return outcome(reason="pruned", code="O202", said="the loss moves only little") if low else outcome(0.9)

    assert "as it stands was stopped: the loss moves only little." in " ".join(sentences(result(space, judge)))


def test_where_nothing_can_be_used_it_is_said(space):
    found = result(space, lambda attempt: outcome(reason="pruned", code="N101", said="NaN from step 0"))
    assert headline(found) == "No setting can be used: every training was stopped or refused"
    assert "unstuck check" in sentences(found)[0]
    ((rule, count, said, named),) = stops(found)
    assert (rule, count, said) == ("N101", len(found.tried), "NaN from step 0")
    assert named.endswith("more")


def test_the_trade_is_told_with_what_was_not_reached():
    space = read_space("mlp", over=["train.batch_size=8, 32"], overrides=SMALL)

    def judge(attempt):
        accuracy = 0.5 if attempt.setting["train.batch_size"] == 8 else 0.95
        return outcome(accuracy, curve=((2.0, accuracy, 0.3),))

    rows = trade_rows(result(space, judge))
    assert rows[0] == ("8", "50.0%", "not reached", "-")
    assert rows[1] == ("32", "95.0%", "2.00", "47.5% / s")
    assert "first to come to 99%" in " ".join(sentences(result(space, judge)))
