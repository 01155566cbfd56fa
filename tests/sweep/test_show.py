from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.sweep.formula import Formula
from unstuck.sweep import CoarseToFine
from unstuck.sweep.show import Lines, Quiet, Screen, show_for
from unstuck.sweep.work import work
from unstuck.train import Epoch, Means


def console(**changes):
    return Console(file=io.StringIO(), width=160, **changes)


def shown(show, study, folder):
    work(study, CoarseToFine(), Formula(), show=show, folder=folder)
    show.end()
    return show._console.file.getvalue()


def test_without_a_terminal_each_try_is_a_line(space, study, tmp_path):
    said = shown(show_for(console(), space, expected=40), study, tmp_path).splitlines()
    assert said[0].startswith("  1  optimizer.lr=0.001  optimizer.weight_decay=0  accuracy")
    assert "the best so far" in said[0]
    assert "left" in said[1]
    assert any("stopped after 1 epoch O201: the loss climbs" in line for line in said)
    assert len(said) == len(study.over())


def test_on_a_terminal_a_table_has_the_best_and_what_is_being_tried(space, study, tmp_path):
    show = Screen(console(force_terminal=True), space, 40)
    means = Means(loss=1.0, accuracy=0.5, examples=10)

    class Epochs(Formula):
        def train(self, space, tries, after_epoch, say):
            for attempt, outcome in super().train(space, tries, after_epoch, say):
                after_epoch(attempt, Epoch(number=7, train=means, validation=means))
                if len(self.made) == 3:
                    show._console.print(show._drawn())
                yield attempt, outcome

    work(study, CoarseToFine(), Epochs(), show=show, folder=tmp_path)
    show.end()
    said = show._console.file.getvalue()
    assert "epoch 7" in said
    assert "best" in said
    assert "stopped early" in said
    assert "0.022" in said


@pytest.mark.parametrize(("terminal", "kind"), [(True, Screen), (False, Lines)])
def test_a_table_is_for_terminals(space, terminal, kind):
    assert type(show_for(console(force_terminal=terminal), space, expected=3)) is kind


def test_nothing_is_shown_where_nothing_is_asked_for(space, study, tmp_path, capsys):
    work(study, CoarseToFine(), Formula(), show=Quiet(), folder=tmp_path)
    assert capsys.readouterr() == ("", "")
