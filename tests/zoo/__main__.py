"""Diagnose every script of the zoo and print how often the diagnosis was right."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.zoo import recorded, tables
from tests.zoo.answers import Answer, answer, ended
from tests.zoo.calibration import calibration
from tests.zoo.cases import Case, cases, origins


def main() -> None:
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        runs = (options.runs or Path(temporary)).resolve()
        if options.record is not None:
            recorded.record(options.record or recorded.accepted(), runs)
        if options.accept or options.record is not None:
            print("\n".join(recorded.accept()) or "no verdict has changed")
        else:
            _diagnose(options, runs)


def _diagnose(options: argparse.Namespace, runs: Path) -> None:
    answers: list[Answer] = []
    for one in _answers(_chosen(options, runs), options, runs):
        answers.append(one)
        print(one, flush=True)
    figures = (tables.by_cause, tables.by_origin, tables.reliability, tables.summary)
    for table in (calibration,) if options.calibrate else figures:
        print(f"\n{table(answers)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.zoo", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="part of the path")
    parser.add_argument("--origin", choices=tuple(origins()), nargs="+", help="those of some origins alone")
    parser.add_argument("--kind", choices=("sick", "healthy"), help="those of one kind alone")
    parser.add_argument("--every", type=int, default=1, help="only every n-th script, for a first impression")
    parser.add_argument("--runs", type=Path, help="where runs are kept; those that are there are only judged again")
    parser.add_argument("--kept", action="store_true", help="only those whose runs are there: run nothing")
    parser.add_argument("--same", action="store_true", help="run plain too, and compare what is printed")
    parser.add_argument("--calibrate", action="store_true", help="print what confidences of rules should be instead")
    parser.add_argument("--accept", action="store_true", help="accept the verdicts on the recorded sample as they are")
    parser.add_argument(
        "--record",
        nargs="*",
        metavar="SCRIPT",
        help="record scripts for that sample; those that it has, if none is named",
    )
    return parser.parse_args()


def _chosen(options: argparse.Namespace, runs: Path) -> list[tuple[Case, int]]:
    wanted = [
        case
        for case in cases()
        if options.only in case.name
        and options.kind in (None, "sick" if case.sick else "healthy")
        and (options.origin is None or case.origin in options.origin)
    ]
    work = [(case, seed) for seed in options.seeds for case in wanted[:: options.every]]
    return [(case, seed) for case, seed in work if not options.kept or ended(case, seed, runs)]


def _answers(chosen: Sequence[tuple[Case, int]], options: argparse.Namespace, runs: Path) -> Iterator[Answer]:
    with ThreadPoolExecutor(options.jobs) as pool:
        yield from pool.map(lambda item: answer(*item, runs, same=options.same), chosen)


if __name__ == "__main__":
    main()
