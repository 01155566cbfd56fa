"""Where each threshold of a rule turns what it says of a recorded run: the measured number, found by moving the field.

``thresholds.toml`` has an entry for each numeric field of each rule: a run of the zoo's sample (``tests/zoo/recorded``)
or, where the field divides none of these, one that a test of the rule has made (``divided``); the training in it; and
the value of the field at which the rule comes to say something else. ``python -m tests.rules.thresholds`` searches
these runs for every field that has no entry, or one that no longer holds; with folders of runs as arguments it searches
those too, and adds those that it needs to ``divided``.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from pathlib import Path

import tomllib

from tests.zoo.recorded import FOLDER, pack, unpack
from unstuck.record import Run
from unstuck.record.schema import FILE_NAME
from unstuck.rules.catalogue import BY_CODE, RULES
from unstuck.rules.engine import Tally
from unstuck.rules.rule import Rule

__all__ = ["Turn", "holds", "main", "search", "stored", "thresholds"]

TABLE = Path(__file__).with_name("thresholds.toml")
RUNS = Path(__file__).with_name("divided")

NEAR = 1e-3
"""How far from the measured number, by ratio, a threshold is set to be just below and just above it."""

FACTORS = (1 / 3, 3.0, 1e-3, 1e3, 0.0, -1e9, 1e9)
"""By what a field is multiplied to find a side on which the rule says something else."""

Said = tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Turn:
    """A recorded run that a threshold divides.

    Attributes:
        run: Name of the run in the sample.
        stream: The training in it.
        at: Value of the field at which the rule comes to say something else; half-way between two for whole numbers.
    """

    run: str
    stream: int
    at: float


def thresholds() -> Iterator[tuple[str, str]]:
    """Code and name of each numeric field of each rule."""
    for rule in RULES:
        for field in fields(rule):
            if type(getattr(rule, field.name)) in (int, float):
                yield rule.code, field.name


def stored() -> dict[tuple[str, str], Turn]:
    """The table, by code and field."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {(code, name): Turn(**turn) for code, entries in table.items() for name, turn in entries.items()}


def holds(code: str, name: str, turn: Turn) -> bool:
    """Whether a rule says of a run what it says by default just on one side of the number, and else on the other."""
    rule, run = BY_CODE[code], _streams(turn.run)[turn.stream]
    near, far = _sides(turn.at, getattr(rule, name))
    usual, same, other = (
        _said(one, run) for one in (rule, replace(rule, **{name: near}), replace(rule, **{name: far}))
    )
    return same == usual != other


def search(code: str, name: str, runs: Iterable[tuple[str, int]]) -> Turn | None:
    """The first run that the threshold divides, and where."""
    rule = BY_CODE[code]
    default = getattr(rule, name)
    for path, stream in runs:
        run = _streams(path)[stream]
        usual = _said(rule, run)
        for factor in FACTORS:
            far = factor if abs(factor) == 1e9 else default * factor
            if far != default and _said(replace(rule, **{name: _like(far, default)}), run) != usual:
                turn = Turn(path, stream, _between(rule, name, run, usual, far))
                if holds(code, name, turn):
                    return turn
    return None


def _between(rule: Rule, name: str, run: Run, usual: Said, far: float) -> float:
    """Halve the way from the default to a value at which the rule says something else."""
    default = near = getattr(rule, name)
    whole = isinstance(default, int)
    while abs(far - near) > (1 if whole else 1e-6 * max(abs(far), abs(near), abs(default) * 1e-6)):
        middle = near + (far - near) / 2
        if not whole and near > 0 and far > 0:
            middle = math.sqrt(near * far)
        middle = _like(middle, default)
        if middle in (near, far):
            break
        if _said(replace(rule, **{name: middle}), run) == usual:
            near = middle
        else:
            far = middle
    at = near + (far - near) / 2
    return 0.0 if abs(at) < 1e-6 * abs(default) else at


def _sides(at: float, default: float) -> tuple[float, float]:
    """The values of a field next to a number, the one on the default's side first."""
    if isinstance(default, int):
        low, high = math.floor(at), math.ceil(at)
    else:
        low, high = sorted((at * (1 - NEAR), at * (1 + NEAR))) if at else (-NEAR, NEAR)
    return (low, high) if default < at else (high, low)


def _like(value: float, default: float) -> float:
    return round(value) if isinstance(default, int) else value


def _said(rule: Rule, run: Run) -> Said:
    """What a rule says, and how sure it is of it."""
    return tuple(
        sorted((found.cause, found.severity, round(found.confidence, 2)) for found in Tally().apply([rule], run))
    )


@cache
def _streams(name: str) -> Mapping[int, Run]:
    """The first trainings of a run, by number."""
    packed = (FOLDER if "/" in name else RUNS) / f"{name}.xz"
    folder = Path(name) if Path(name).is_absolute() else Path(tempfile.mkdtemp()) / "run"
    if folder.name == "run" and not folder.exists():
        unpack(packed, folder)
    return {stream.number: stream.snapshot() for stream in Run.open(folder).snapshot().streams()[:3]}


def _packed() -> list[str]:
    """Names of the runs that are kept here, those of the zoo first."""
    zoo = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.xz"))
    return [name.removesuffix(".xz") for name in (*zoo, *sorted(path.name for path in RUNS.glob("*.xz")))]


def _kept(code: str, name: str, turn: Turn) -> Turn:
    """The same of a run that is kept here, where it is not yet."""
    if not Path(turn.run).is_absolute():
        return turn
    kept = f"{code.lower()}_{name}"
    pack(Path(turn.run), RUNS / f"{kept}.xz")
    return replace(turn, run=kept)


def main(folders: Iterable[str]) -> None:
    """Bring the table up to date, and print which fields divide none of the runs."""
    known = stored()
    others = [str(path.parent.absolute()) for folder in folders for path in sorted(Path(folder).rglob(FILE_NAME))]
    trainings = [(name, stream) for name in (*_packed(), *others) for stream in _streams(name)]
    found: dict[tuple[str, str], Turn] = {}
    for code, name in thresholds():
        turn = known.get((code, name))
        if turn is None or not holds(code, name, turn):
            turn = search(code, name, sorted(trainings, key=partial(_silent, code)))
        if turn is not None:
            found[code, name] = _kept(code, name, turn)
    TABLE.write_text("".join(_line(*key, turn) for key, turn in sorted(found.items())), encoding="utf-8")
    print("without a run:", *(f"{code}.{name}" for code, name in thresholds() if (code, name) not in found))


def _silent(code: str, training: tuple[str, int]) -> bool:
    """Whether a rule says nothing of a training: what it says is turned off more tellingly than what it does not."""
    run, stream = training
    return not _said(BY_CODE[code], _streams(run)[stream])


def _line(code: str, name: str, turn: Turn) -> str:
    return f'{code}.{name} = {{run = "{turn.run}", stream = {turn.stream}, at = {turn.at!r}}}\n'


if __name__ == "__main__":
    main(sys.argv[1:])
