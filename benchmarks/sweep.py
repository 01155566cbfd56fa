"""Time to the best setting of rate x weight decay: ``unstuck sweep`` beside Optuna over separate plain trainings.

Run ``python benchmarks/sweep.py``. Both try 64 settings of Adam on scikit-learn's digits with a network 64-64-10.
Optuna by its default sampler, each training a plain loop of ``torch.optim.Adam(fused=True)`` over the same batches and
epochs, its study in memory; unstuck by its default: from coarse to fine, trained as one, with early stopping and rules,
its study in a file. Quality is the mean accuracy of each best setting on the test part over fresh seeds, by the same
plain loop. They take turns; times are medians, by the clock, and of the processor, which other users disturb less.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from unstuck.data import Batches, Dataset, load
from unstuck.sweep import CoarseToFine, Plan, Space, read_space, sweep
from unstuck.sweep.storage import optuna

SETTINGS, EPOCHS, BATCH = 64, 30, 64
RATES, DECAYS = (1e-4, 1.0), (1e-6, 1.0)
FRESH = range(100, 110)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search came to: the best rate and decay, and what it took."""

    rate: float
    decay: float
    seconds: float
    busy: float


def network() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def plain(data: Dataset, rate: float, decay: float, seed: int, *, part: str = "validation") -> float:
    """A plain training: the accuracy on a part after the epoch that is best on the validation part."""
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay, fused=True)
    batches, best, told = Batches(data.train, BATCH, seed=seed), -1.0, -1.0
    for _ in range(EPOCHS):
        model.train()
        for inputs, targets in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        accuracy = _accuracy(model, data, "validation")
        if accuracy > best:
            best, told = accuracy, accuracy if part == "validation" else _accuracy(model, data, part)
    return told


def _accuracy(model: nn.Module, data: Dataset, part: str) -> float:
    examples = getattr(data, part)
    model.eval()
    with torch.inference_mode():
        return float((model(examples.inputs).argmax(dim=1) == examples.targets).double().mean())


def by_optuna(data: Dataset, seed: int) -> Found:
    study = optuna().create_study(direction="maximize", sampler=optuna("samplers").TPESampler(seed=seed))

    def objective(trial) -> float:
        rate = trial.suggest_float("rate", *RATES, log=True)
        decay = trial.suggest_float("decay", *DECAYS, log=True)
        return plain(data, rate, decay, seed)

    return timed(lambda: study.optimize(objective, n_trials=SETTINGS) or study.best_params)


def by_unstuck(seed: int) -> Found:
    space = _space(seed)

    def search() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            result = sweep(space, Path(folder), strategy=CoarseToFine(plan=Plan(tries=SETTINGS, seeds=1)))
        assert result.best is not None, "a setting learns"
        setting = result.best.setting
        return {"rate": setting["optimizer.lr"], "decay": setting["optimizer.weight_decay"]}

    return timed(search)


def _space(seed: int) -> Space:
    overrides = [
        "model={name='mlp', hidden=[64]}",
        "optimizer={name='adam'}",
        f"train={{epochs={EPOCHS}, batch_size={BATCH}, threads=1}}",
        f"seed={seed}",
    ]
    over = [f"optimizer.lr={RATES[0]}..{RATES[1]}", f"optimizer.weight_decay={DECAYS[0]}..{DECAYS[1]}"]
    return read_space("mlp", over=over, overrides=overrides)


def timed(search: Callable[[], dict[str, float]]) -> Found:
    began, busy = time.perf_counter(), time.process_time()
    found = search()
    return Found(**found, seconds=time.perf_counter() - began, busy=time.process_time() - busy)


def quality(found: Found) -> float:
    """Mean accuracy on the test part over fresh seeds, of the split too."""
    return statistics.fmean(plain(load("digits", seed=s), found.rate, found.decay, s, part="test") for s in FRESH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5, help="how often each searches")
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    optuna().logging.set_verbosity(optuna().logging.ERROR)
    by_unstuck(1000)  # compiles, and loads the data
    plain(load("digits"), 1e-3, 1e-4, 0)
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, one thread, {turns} turns")
    ours: list[Found] = []
    theirs: list[Found] = []
    for seed in range(turns):
        data = load("digits", seed=seed)
        pair = [
            (ours, lambda seed=seed: by_unstuck(seed)),
            (theirs, lambda data=data, seed=seed: by_optuna(data, seed)),
        ]
        for place, search in pair if seed % 2 else reversed(pair):
            place.append(search())
        for name, found in (("unstuck", ours[-1]), ("Optuna", theirs[-1])):
            print(
                f"turn {seed}  {name:<8} rate {found.rate:.2g}  decay {found.decay:.2g}  {found.seconds:6.1f} s  "
                f"processor {found.busy:6.1f} s  test {quality(found):.2%}"
            )
    for name, kind in (("time by the clock", "seconds"), ("time of the processor", "busy")):
        mine, other = (statistics.median(getattr(found, kind) for found in every) for every in (ours, theirs))
        ratios = [getattr(b, kind) / getattr(a, kind) for a, b in zip(ours, theirs, strict=True)]
        print(f"{name}: unstuck {mine:.1f} s, Optuna {other:.1f} s: {statistics.median(ratios):.1f} x less")
    mine, other = (statistics.fmean(map(quality, every)) for every in (ours, theirs))
    print(f"accuracy on the test part, {len(FRESH)} fresh seeds: unstuck {mine:.2%}, Optuna {other:.2%}")


if __name__ == "__main__":
    main()
