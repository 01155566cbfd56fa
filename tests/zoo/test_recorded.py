"""The recorded sample: its verdicts, and how it is kept."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.zoo.cases import cases
from tests.zoo.recorded import FOLDER, accept, accepted, changes, judge_all, pack, unpack
from unstuck.record import Run
from unstuck.record.schema import FILE_NAME
from unstuck.rules import judge

PACKED = sorted(FOLDER.glob("*/*.xz"))


def test_no_verdict_changes_unseen() -> None:
    changed = changes(accepted(), judge_all())
    assert not changed, "\n".join(
        (f"{len(changed)} verdicts have changed.", *changed, "To accept: python -m tests.zoo --accept")
    )


def test_the_sample_is_small_and_has_sick_and_healthy_trainings_of_every_origin() -> None:
    sample = [case for case in cases() if case.name in accepted()]
    assert sum(path.stat().st_size for path in PACKED) < 5_000_000
    for what in ("origin", "cause"):
        lacking = {getattr(case, what) for case in cases()} - {getattr(case, what) for case in sample}
        assert not lacking, f"no {what} {lacking} in the sample; record a script: python -m tests.zoo --record SCRIPT"


def test_changes_name_the_script_and_both_verdicts() -> None:
    was = {"a/x.patch": "healthy", "a/y.py": "healthy", "a/z.py": "healthy"}
    now = {"a/x.patch": "findings; X999 loss-wrong error 0.90", "a/y.py": "healthy"}
    first, second = changes(was, now)
    assert first.split("\n") == ["a/x.patch", "    was    healthy", "    is now findings; X999 loss-wrong error 0.90"]
    assert second.split("\n") == ["a/z.py", "    was    healthy", "    is now not in the sample"]


def test_what_is_accepted_has_not_changed(tmp_path: Path) -> None:
    for path in PACKED[:2]:
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / path.parent.name)
    assert len(accept(tmp_path)) == 2
    assert accept(tmp_path) == []
    assert accepted(tmp_path) == judge_all(tmp_path)


def test_packing_drops_arrays_and_the_folder_and_changes_no_verdict(tmp_path: Path) -> None:
    unpack(PACKED[0], tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "run" / FILE_NAME, isolation_level=None)) as connection:
        connection.execute("INSERT INTO arrays VALUES (0, 'filters', 0, '[1]', x'00000000')")
        connection.execute('UPDATE facts SET value = replace(value, \'"file": "\', ?)', (f'"file": "{tmp_path}/',))
    with Run.open(tmp_path / "run") as run:
        before = judge(run)
    pack(tmp_path / "run", tmp_path / "packed.xz")
    unpack(tmp_path / "packed.xz", tmp_path / "again")
    assert str(tmp_path).encode() not in (tmp_path / "again" / FILE_NAME).read_bytes()
    with Run.open(tmp_path / "again") as run:
        assert [finding.code for finding in judge(run).findings] == [finding.code for finding in before.findings]
        assert not run.arrays("filters")
