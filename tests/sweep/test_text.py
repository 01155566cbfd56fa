from __future__ import annotations

import io

from rich.console import Console

from tests.sweep.formula import SMALL, outcome
from tests.sweep.results import result
from unstuck.sweep import read_space
from unstuck.sweep.text import SweepText


def printed(found):
    console = Console(file=io.StringIO(), width=140)
    console.print(SweepText(found))
    return console.file.getvalue()


def test_the_terminal_has_the_best_the_table_and_what_was_stopped(space):
    said = printed(result(space))
    assert said.startswith("✔ optimizer.lr=0.022")
    assert "± seeds" in said
    assert "stopped 4, O201: the loss climbs" in said


def test_where_nothing_can_be_used_the_reason_is_there(space):
    said = printed(result(space, lambda attempt: outcome(reason="pruned", code="N101", said="NaN from step 0")))
    assert said.startswith("✖ No setting can be used")
    assert "N101: NaN from step 0" in said


def test_batch_sizes_have_a_table_of_their_own():
    space = read_space("mlp", over=["train.batch_size=8, 32"], overrides=SMALL)
    assert "accuracy per second" in printed(result(space))
