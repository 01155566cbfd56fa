"""Steps and seconds of Newton's method and of Hessian-free optimization, beside those of momentum, Adam and L-BFGS.

Run ``python benchmarks/second_order.py``. Two full-batch problems: a regression of condition number 313,418, which
gradient descent cannot do, until the loss is within a millionth of its least value; and a deep autoencoder of
scikit-learn's digits, until the loss falls below a mark. First-order methods are run at every rate of a grid, and the
best is shown, so that the time spent on finding it does not count. A method that is not there by then is shown at
its lowest loss.
"""

from __future__ import annotations

import argparse
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.optim import Optimizer

import unstuck.optim as ours
from unstuck.data import load

TINY, LARGE = (tuple(10.0 ** (k / 2) for k in ends) for ends in (range(-14, 4), range(-6, 5)))
"""Rates that are tried, two in each decade: from 1e-7 to 30, and from 0.001 to 100."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Weights to find, and the loss to bring below a mark."""

    name: str
    weights: list[torch.Tensor]
    forward: Callable[[], tuple[torch.Tensor, torch.Tensor]]
    mark: float
    rates: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run ended."""

    rate: float | None
    steps: int
    seconds: float
    loss: float
    there: bool


def regression() -> Problem:
    """Lee's "Pokemon" regression: y = b + w x from b = -120, w = -4, by the sum of squared errors."""
    x = torch.tensor([338.0, 333, 328, 207, 226, 25, 179, 60, 208, 606], dtype=torch.float64)
    y = torch.tensor([640.0, 633, 619, 393, 428, 27, 193, 66, 226, 1591], dtype=torch.float64)
    w = torch.tensor([-120.0, -4.0], dtype=torch.float64, requires_grad=True)

    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        outputs = w[0] + w[1] * x
        return ((outputs - y) ** 2).sum(), outputs

    columns = torch.stack([torch.ones_like(x), x], dim=1)
    least = float(((columns @ torch.linalg.lstsq(columns, y).solution - y) ** 2).sum())
    return Problem(
        name="regression, condition number 313,418", weights=[w], forward=forward, mark=least * (1 + 1e-6), rates=TINY
    )


def autoencoder(mark: float) -> Problem:
    """Digits through eight layers of sigmoids and a code of 8 numbers; the loss is the squared error of a pixel."""
    torch.manual_seed(0)
    pixels = load("digits").train.inputs.flatten(1)
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    sizes = (64, 64, 48, 24, 8, 24, 48, 64, 64)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs)
        nn.init.xavier_normal_(layer.weight, gain=4.0)  # the slope of a sigmoid is a quarter
        nn.init.constant_(layer.bias, 0.0)
        layers += [layer, nn.Sigmoid()]
    model = nn.Sequential(*layers)

    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        outputs = model(pixels)
        return nn.functional.mse_loss(outputs, pixels), outputs

    return Problem(
        name=f"autoencoder of 8 layers, {len(pixels):,} digits, to a loss of {mark:g}",
        weights=list(model.parameters()),
        forward=forward,
        mark=mark,
        rates=LARGE,
    )


def run(problem: Problem, optimizer: Optimizer, kind: str, rate: float | None, seconds: float, steps: int) -> Ended:
    """Step until the loss is below the mark, the time is up, or the loss is lost."""
    began, lowest = time.perf_counter(), math.inf

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = problem.forward()[0]
        loss.backward()
        return loss

    taken, loss = 0, math.inf
    while taken < steps and time.perf_counter() - began < seconds:
        if kind == "second order":
            optimizer.step(problem.forward)
        elif kind == "closure":
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
        taken += 1
        with torch.no_grad():
            loss = float(problem.forward()[0])
        lowest = min(lowest, loss)
        if not math.isfinite(loss) or loss <= problem.mark:
            break
    return Ended(rate=rate, steps=taken, seconds=time.perf_counter() - began, loss=lowest, there=lowest <= problem.mark)


def best(
    make: Callable[[], Problem], build: Callable[[list[torch.Tensor], float], Optimizer], seconds: float, steps: int
) -> Ended:
    """The run of the best rate: the fewest steps, or the lowest loss where none is there in time."""
    ended: list[Ended] = []
    for rate in make().rates:
        problem = make()
        ended.append(run(problem, build(problem.weights, rate), "loop", rate, seconds, steps))
    return min(ended, key=lambda one: (not one.there, one.steps if one.there else one.loss))


def row(name: str, ended: Ended) -> None:
    rate = "" if ended.rate is None else f"{ended.rate:.2g}"
    state = "there" if ended.there else "not there"
    print(f"  {name:<24}{rate:>9}{ended.steps:>9,}{ended.seconds:>11.3f} s{ended.loss:>14.6g}  {state}", flush=True)


def compare(make: Callable[[], Problem], *, seconds: float, steps: int, damping: float) -> None:
    print(f"\n{make().name}\n  {'method':<24}{'rate':>9}{'steps':>9}{'time':>13}{'loss':>14}", flush=True)
    for name, build in (
        ("gradient descent", lambda w, lr: torch.optim.SGD(w, lr=lr)),
        ("momentum 0.9", lambda w, lr: torch.optim.SGD(w, lr=lr, momentum=0.9)),
        ("Nesterov 0.99", lambda w, lr: torch.optim.SGD(w, lr=lr, momentum=0.99, nesterov=True)),
        ("Adam", lambda w, lr: torch.optim.Adam(w, lr=lr)),
    ):
        row(name, best(make, build, seconds, steps))
    problem = make()
    lbfgs = torch.optim.LBFGS(problem.weights, max_iter=20, line_search_fn="strong_wolfe")
    row("L-BFGS (torch)", run(problem, lbfgs, "closure", None, 4 * seconds, steps))
    problem = make()
    free = ours.HessianFree(problem.weights, damping=damping)
    row("Hessian-free", run(problem, free, "second order", None, 4 * seconds, steps))
    problem = make()
    if sum(w.numel() for w in problem.weights) <= 2000:
        row("Newton", run(problem, ours.Newton(problem.weights), "second order", None, 4 * seconds, steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each rate; four times that without a grid")
    parser.add_argument("--steps", type=int, default=20_000, help="at most, for each rate")
    parser.add_argument("--mark", type=float, default=0.02, help="loss of the autoencoder to reach")
    parser.add_argument("--only", choices=["regression", "autoencoder"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{platform.machine()}, torch {torch.__version__}, {options.threads} threads")
    if options.only in (None, "regression"):
        compare(regression, seconds=options.seconds, steps=options.steps, damping=1e-4)
    if options.only in (None, "autoencoder"):
        compare(lambda: autoencoder(options.mark), seconds=options.seconds, steps=options.steps, damping=0.1)


if __name__ == "__main__":
    main()
