"""A sample of recorded runs that every ``make test`` judges anew, so that no verdict changes unseen.

``recorded/verdicts.txt`` has a line for each: the script and what was last accepted. The runs lie beside it, without
what no rule reads.
"""

from __future__ import annotations

import lzma
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from tests.zoo.answers import answer, judged, kept
from tests.zoo.cases import ZOO, Case, cases
from unstuck.record.schema import FILE_NAME

__all__ = ["FOLDER", "accept", "accepted", "changes", "judge_all", "pack", "record", "unpack"]

FOLDER = ZOO / "recorded"


def accepted(folder: Path = FOLDER) -> dict[str, str]:
    """The verdict last accepted of each script of the sample."""
    lines = (folder / "verdicts.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


def judge_all(folder: Path = FOLDER) -> dict[str, str]:
    """The verdict as it is now of each run of the sample, in words."""
    listed = {case.name: case for case in cases()}
    names = sorted(str(path.relative_to(folder)).removesuffix(".xz") for path in folder.glob("*/*.xz"))
    return {name: _judge(listed[name], folder / f"{name}.xz") for name in names}


def changes(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What differs between two sets of verdicts, two lines a script."""
    return [
        f"{name}\n    was    {was.get(name, 'not in the sample')}\n    is now {now.get(name, 'not in the sample')}"
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    ]


def accept(folder: Path = FOLDER) -> list[str]:
    """Write the verdicts down as they are now, and give what changed."""
    now = judge_all(folder)
    file = folder / "verdicts.txt"
    was = accepted(folder) if file.exists() else {}
    file.write_text("".join(f"{name}: {verdict}\n" for name, verdict in now.items()), encoding="utf-8")
    return changes(was, now)


def record(names: Iterable[str], runs: Path, folder: Path = FOLDER) -> None:
    """Run scripts of the zoo, unless their runs are kept in ``runs``, and put their runs into the sample."""
    listed = {case.name: case for case in cases()}
    for name in names:
        answer(listed[name], 0, runs, same=False)
        pack(kept(listed[name], 0, runs) / "run", folder / f"{name}.xz")


def pack(run: Path, packed: Path) -> None:
    """Compress a run, without arrays, which are for plots, and without the folder in which its script lay."""
    packed.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / FILE_NAME
        with closing(sqlite3.connect(run / FILE_NAME)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("DELETE FROM arrays")
            connection.execute("UPDATE facts SET value = replace(value, ?, '')", (f"{run.resolve().parent}/",))
            connection.execute("VACUUM")
        packed.write_bytes(lzma.compress(copy.read_bytes(), preset=9 | lzma.PRESET_EXTREME))


def unpack(packed: Path, run: Path) -> None:
    """Put a packed run into a folder of its own."""
    run.mkdir(parents=True)
    (run / FILE_NAME).write_bytes(lzma.decompress(packed.read_bytes()))


def _judge(case: Case, packed: Path) -> str:
    with tempfile.TemporaryDirectory() as temporary:
        run = Path(temporary) / "run"
        unpack(packed, run)
        answer = judged(case, 0, run)
    return "; ".join((answer.kind, *map(str, answer.said), *filter(None, (answer.error,))))
