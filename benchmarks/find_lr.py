"""Is the suggested rate right? On six problems, with SGD and Adam, beside the best of a grid of 25 rates.

Run ``python benchmarks/find_lr.py``, or with ``--problems``, ``--seeds`` and ``--others`` for less or more. A training
is one at a constant rate; what it comes to is the mean loss of the last tenth of its batches. What a rate leaves of the
gain of the best rate of the grid over a constant guess (:func:`advice_problems.left`) should be at most 2%. The grid
takes an hour or two on one core; with ``--cache FOLDER`` it is computed once.

With ``--others`` the suggestions of Lightning's tuner and of torch-lr-finder, by their defaults but for a range of 1e-6
to 100, are trained too; neither is a dependency: ``pip install lightning torch-lr-finder``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from advice_problems import Problem, left
from find_lr_problems import BATCH, METHODS, PROBLEMS, RATES, batches_of, network_of, train
from torch import nn

import unstuck

WITHIN = 0.02
"""Share of the best gain that a suggestion may leave."""
LOW, HIGH, STEPS = 1e-6, 100.0, 100
"""Range of the others, and the length of their ramp: the default of both."""

Suggest = Callable[[Problem, nn.Module, torch.optim.Optimizer, int], float | None]


def ours(problem: Problem, model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> float | None:
    return unstuck.find_learning_rate(model, problem.loss, batches_of(problem), optimizer, seed=seed).rate


def torch_lr_finder(problem: Problem, model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> float | None:
    import matplotlib as mpl
    from torch_lr_finder import LRFinder

    mpl.use("Agg")
    for group in optimizer.param_groups:
        group["lr"] = LOW
    finder = LRFinder(model, optimizer, problem.loss, device="cpu")
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        finder.range_test(loader_of(problem), end_lr=HIGH, num_iter=STEPS)
        from matplotlib import pyplot

        _, axes = pyplot.subplots()
        found = finder.plot(ax=axes, suggest_lr=True)
    pyplot.close("all")
    return float(found[1]) if isinstance(found, tuple) else None


def lightning(problem: Problem, model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> float | None:
    import logging

    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.tuner import Tuner

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.lr = model, LOW

        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            return problem.loss(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return type(optimizer)(self.model.parameters(), lr=self.lr)

        def train_dataloader(self) -> Any:
            return loader_of(problem)

    silent = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = Trainer(accelerator="cpu", **dict.fromkeys(silent, False))
    with contextlib.redirect_stderr(io.StringIO()):
        found = Tuner(trainer).lr_find(Module(), min_lr=LOW, max_lr=HIGH, num_training=STEPS)
    return None if found is None else found.suggestion()


def loader_of(problem: Problem) -> Any:
    """The same examples in batches of the same size, as a loader."""
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*problem.data), BATCH, shuffle=True)


OTHERS: dict[str, Suggest] = {"lightning": lightning, "torch-lr-finder": torch_lr_finder}


class Cache:
    """What trainings came to, kept in a file."""

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / "find_lr.json"
        self._known: dict[str, float] = json.loads(self._file.read_text()) if self._file and self._file.exists() else {}

    def came_to(self, name: str, method: str, rate: float, seed: int) -> float:
        """The mean loss of the last tenth of the batches; infinite where one was not finite."""
        key = f"{name} {method} {rate:.4g} {seed}"
        if key not in self._known:
            self._known[key] = tail(train(PROBLEMS[name](), method, rate, seed).losses)
            if self._file:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.write_text(json.dumps(self._known))
        return self._known[key]


class Grid:
    """The best of 25 rates on a problem: the one whose mean over the seeds is lowest."""

    def __init__(self, name: str, method: str, seeds: Sequence[int], cache: Cache) -> None:
        self._name, self._method, self._cache = name, method, cache
        self._ends = {seed: [cache.came_to(name, method, rate, seed) for rate in RATES[method]] for seed in seeds}
        means = [mean(ends) for ends in zip(*self._ends.values(), strict=True)]
        self.best = RATES[method][means.index(min(means))]

    def left_by(self, rate: float | None, seed: int) -> float:
        """What a rate leaves of the gain of the best rate of this seed."""
        if rate is None:
            return math.inf
        end = self._cache.came_to(self._name, self._method, rate, seed)
        return left(PROBLEMS[self._name](), end, min(self._ends[seed]))


def tail(losses: tuple[float, ...]) -> float:
    if not all(map(math.isfinite, losses)):
        return math.inf
    return mean(losses[-max(len(losses) // 10, 1) :])


def suggested(suggest: Suggest, name: str, method: str, seed: int) -> float | None:
    """What is suggested for the weights of a seed."""
    problem = PROBLEMS[name]()
    model = network_of(problem, seed)
    optimizer = METHODS[method](model.parameters(), lr=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return suggest(problem, model, optimizer, seed)
        except (ValueError, IndexError, RuntimeError) as error:
            print(f"    {suggest.__name__} on {name}, {method}, seed {seed}: {type(error).__name__}: {error}")
            return None


def told(lefts: Iterable[float]) -> str:
    """How many are within, and the mean of what they leave."""
    lefts = list(lefts)
    within = sum(value <= WITHIN for value in lefts)
    return f"{within}/{len(lefts)} {mean(min(value, 9.99) for value in lefts):7.1%}"


def main() -> None:
    """Print a row for each problem and method, and the shares over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS), metavar="NAME")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)), metavar="N")
    parser.add_argument("--others", action="store_true")
    parser.add_argument("--without-ours", action="store_true")
    parser.add_argument("--cache", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cache = Cache(options.cache)
    who: dict[str, Suggest] = {} if options.without_ours else {"unstuck": ours}
    who |= OTHERS if options.others else {}
    print(f"{'problem':14}{'':6}{'best rate':>10}   " + "".join(f"{name:>28}" for name in who))
    print(f"{'':33}" + f"{'rate, within 2%, left':>28}" * len(who))
    every: dict[str, list[float]] = {name: [] for name in who}
    for name in options.problems:
        for method in options.methods:
            grid = Grid(name, method, options.seeds, cache)
            row = f"{name:14}{method:6}{grid.best:10.2g}   "
            for whose, suggest in who.items():
                rates = {seed: suggested(suggest, name, method, seed) for seed in options.seeds}
                lefts = [grid.left_by(rate, seed) for seed, rate in rates.items()]
                every[whose] += lefts
                known = sorted(rate for rate in rates.values() if rate is not None)
                middle = f"{known[len(known) // 2]:.2g}" if known else "none"
                row += f"{middle:>12}  {told(lefts):>14}"
            print(row, flush=True)
    for whose, lefts in every.items():
        print(f"{whose}: {told(lefts)} left on average")


if __name__ == "__main__":
    main()
