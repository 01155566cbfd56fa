from __future__ import annotations

import pytest

from tests.confirm.conftest import losses
from unstuck.confirm.longer import ends_in_time, was_longer, why_not_longer
from unstuck.confirm.trial import Ended

LONGER = (("more-steps", {"factor": 2.0}),)


@pytest.mark.parametrize(
    ("how", "seconds", "length", "ends"),
    [
        ("finished", 2.0, 50, True),
        ("bound", 2.0, 600, True),
        ("bound", 2.0, 30_000, False),
        ("time", 21.0, 301, False),
    ],
)
def test_whether_the_whole_training_fits_a_trial(make, how, seconds, length, ends):
    control = make("control-seed0", losses(2.3, 2.0), ended=Ended(how=how, seconds=seconds))
    assert ends_in_time(control, length) is ends
    assert (why_not_longer([control], length) is None) is ends


@pytest.mark.parametrize(
    ("ended", "steps", "why"),
    [
        (Ended(how="finished", changed=False), 50, "no `for` loop of the program"),
        (Ended(how="crashed", status=1), 50, "made longer, it ends with an error: IndexError: 50"),
        (Ended(how="time"), 90, "it does not end in the seconds that it has"),
        (Ended(how="finished"), 50, "counts its updates itself"),
        (Ended(how="finished"), 100, None),
    ],
)
def test_why_nothing_is_known_of_a_longer_one(make, ended, steps, why):
    control = make("control-seed0", losses(2.3, 2.0, steps=50), ended=Ended(how="finished"))
    longer = make("more-seed0", losses(2.3, 1.0, steps=steps), changes=LONGER, ended=ended)
    (longer.folder / "output.txt").write_text("IndexError: 50")
    assert was_longer([control, longer]) == (ended.changed and ended.how == "finished")
    said = why_not_longer([control, longer], 50)
    assert why in said if why else said is None
