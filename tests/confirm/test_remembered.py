from __future__ import annotations

import os

from tests.confirm.conftest import RATE, losses
from unstuck.confirm.remembered import remembered
from unstuck.confirm.trial import ENDED, Trial


def test_what_was_asked_of_the_same_trials_is_worked_out_once(make):
    asked = []

    @remembered
    def count(trials):
        asked.append(len(trials))
        return len(trials)

    one, other = make("control-seed0", losses(2.3, 2.3)), make("rate-seed0", losses(2.3, 0.1), changes=RATE)
    assert [count([one]), count([one, other]), count([one]), count([one, other])] == [1, 2, 1, 2]
    assert asked == [1, 2]
    again = Trial.read(one.folder)
    assert again is not None
    assert count([again]) == 1
    assert asked == [1, 2]
    os.utime(one.folder / ENDED, ns=(1, 1))  # made again
    assert count([again]) == 1
    assert asked == [1, 2, 1]
