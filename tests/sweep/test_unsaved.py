from __future__ import annotations

from tests.sweep.formula import outcome
from unstuck.sweep.attempt import Try
from unstuck.sweep.chosen import Tried
from unstuck.sweep.study import Study
from unstuck.sweep.unsaved import UNSAVED, bring_back, keep


def tried(space, rate, accuracy=0.9):
    return Tried(Try(setting={**space.stands, "optimizer.lr": rate}, stage="coarse"), outcome(accuracy))


def test_what_is_kept_is_told_once_to_a_study_that_lacks_it(space, study, tmp_path):
    one, two, three = (tried(space, rate) for rate in (0.1, 0.2, 0.3))
    study.add([one.attempt, two.attempt])
    first, second = study.claim(2)
    study.tell(first, one.outcome)
    keep(tmp_path, [one, two, three], fingerprint=space.fingerprint)
    other = Study(space, tmp_path / "study.journal")
    assert bring_back(tmp_path, other) == 2
    assert len(other.over()) == 3
    assert second.number == 1
    assert not (tmp_path / UNSAVED).exists()
    assert bring_back(tmp_path, other) == 0


def test_what_is_of_another_sweep_or_cut_off_is_not_told(space, study, tmp_path):
    keep(tmp_path / "new" / "folder", [tried(space, 0.1)], fingerprint="another")
    with (tmp_path / "new" / "folder" / UNSAVED).open("a") as file:
        file.write('{"of": "')
    assert bring_back(tmp_path / "new" / "folder", study) == 0
    assert study.over() == {}
