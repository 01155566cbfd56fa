"""Diagnose every script of the zoo and print how often the diagnosis was right."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.zoo import tables
from tests.zoo.answers import Answer, answer
from tests.zoo.cases import Case, cases, origins


def main() -> None:
    options = _options()
    chosen = _chosen(options)
    answers: list[Answer] = []
    with tempfile.TemporaryDirectory() as temporary:
        for one in _answers(chosen, options, (options.runs or Path(temporary)).resolve()):
            answers.append(one)
            print(one, flush=True)
    for table in (tables.by_cause, tables.by_origin, tables.reliability, tables.summary):
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
    parser.add_argument("--same", action="store_true", help="run plain too, and compare what is printed")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[tuple[Case, int]]:
    wanted = [
        case
        for case in cases()
        if options.only in case.name
        and options.kind in (None, "sick" if case.sick else "healthy")
        and (options.origin is None or case.origin in options.origin)
    ]
    return [(case, seed) for seed in options.seeds for case in wanted[:: options.every]]


def _answers(chosen: Sequence[tuple[Case, int]], options: argparse.Namespace, runs: Path) -> Iterator[Answer]:
    os.environ["OMP_NUM_THREADS"] = "1"
    with ThreadPoolExecutor(options.jobs) as pool:
        yield from pool.map(lambda item: answer(*item, runs, same=options.same), chosen)


if __name__ == "__main__":
    main()
