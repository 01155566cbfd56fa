"""What watching costs, row by row, each with its goal: a program plain, and under ``unstuck run``.

Run ``python benchmarks/watching.py``, or ``--only NAME...`` for some of the rows. Most rows run the program in both
ways side by side (:mod:`turns`), and give the ratio of the times of their training loops; what the processes take
beyond these is start-up and verdict, and given apart. ``--ways`` sets beside them the loggers that people write
themselves. PyTorch has one thread; each figure is the median of ``--times`` measurements, whose range follows it. On a
machine that others use too, the ratio of the processor times is the better one.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from turns import Measured, measure, side_by_side

import unstuck
from unstuck.observe import Session
from unstuck.record import RunWriter

WAYS = ("plain", "unstuck", "plot_grad_flow", "tensorboard")
STARTUP_SECONDS, VERDICT_SECONDS = 1.5, 2.0
MEMORY = (1.05, 60.0)
TURN_SECONDS = 0.1
TINY_STEPS = 300_000
TENSORS, FIRST_STEPS = 20_000, 60

Log = Callable[[int], None]
Logger = Callable[[nn.Module, Path], Log]


def no_logger(model: nn.Module, folder: Path) -> Log:
    """Nothing."""
    del model, folder
    return lambda step: None


def plot_grad_flow(model: nn.Module, folder: Path) -> Log:
    """Mean and greatest gradient of each weight, and mean activation of each module, at every step."""
    seen: list[float] = []
    for module in model.modules():
        module.register_forward_hook(lambda module, inputs, output: seen.append(output.detach().abs().mean().item()))
    del folder

    def log(step: int) -> None:
        del step
        for name, parameter in model.named_parameters():
            if parameter.grad is not None and "bias" not in name:
                seen.extend((parameter.grad.abs().mean().item(), parameter.grad.abs().max().item()))
        seen.clear()

    return log


def tensorboard(model: nn.Module, folder: Path) -> Log:
    """Histograms of weights and gradients at every tenth step."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def log(step: int) -> None:
        if step % 10 == 0:
            for name, parameter in model.named_parameters():
                writer.add_histogram(name, parameter, step)
                if parameter.grad is not None:
                    writer.add_histogram(f"{name}.grad", parameter.grad, step)

    return log


LOGGERS: dict[str, Logger] = {"plot_grad_flow": plot_grad_flow, "tensorboard": tensorboard}


def small_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def train(model: nn.Module, inputs: Tensor, targets: Tensor, steps: int, log: Log = lambda step: None) -> Iterator[int]:
    """Train by Adam in batches of 32; yields after each step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for step in range(steps):
        chosen = slice(step * 32 % len(inputs), step * 32 % len(inputs) + 32)
        optimizer.zero_grad()
        loss = criterion(model(inputs[chosen]), targets[chosen])
        loss.backward()
        optimizer.step()
        log(step)
        yield step + 1


def every(turn: int, steps: int, done: Iterator[int]) -> Iterator[float]:
    """The share that is done, after each turn of so many steps."""
    yield from (step / steps for step in done if step % turn == 0)


def mlp(logger: Logger, seconds: float) -> Iterator[float]:
    model, inputs, targets = small_mlp(), torch.randn(2048, 64), torch.randint(10, (2048,))
    yield from timed(model, inputs, targets, logger, seconds, step_seconds=0.0003)


def cnn(logger: Logger, seconds: float) -> Iterator[float]:
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    )
    inputs, targets = torch.randn(2048, 1, 28, 28), torch.randint(10, (2048,))
    yield from timed(model, inputs, targets, logger, seconds, step_seconds=0.008)


def timed(
    model: nn.Module, inputs: Tensor, targets: Tensor, logger: Logger, seconds: float, *, step_seconds: float
) -> Iterator[float]:
    """Train for about so long, by what a step takes on one thread."""
    steps, turn = int(seconds / step_seconds), max(1, int(TURN_SECONDS / step_seconds))
    with tempfile.TemporaryDirectory() as folder:
        log = logger(model, Path(folder))
        yield 0.0
        yield from every(turn, steps, train(model, inputs, targets, steps, log))


def tiny(logger: Logger, seconds: float) -> Iterator[float]:
    model, inputs, targets = nn.Linear(4, 1), torch.randn(8, 4), torch.randn(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    yield 0.0
    for step in range(1, TINY_STEPS + 1):
        optimizer.zero_grad()
        mse_loss(model(inputs), targets).backward()
        optimizer.step()
        if step % 1000 == 0:
            yield step / TINY_STEPS


def trainings(logger: Logger, seconds: float) -> Iterator[float]:
    yield from repeated(trainings=40, steps=1600, a_turn=1)


def thousands(logger: Logger, seconds: float) -> Iterator[float]:
    yield from repeated(trainings=3000, steps=16, a_turn=20)


def repeated(*, trainings: int, steps: int, a_turn: int) -> Iterator[float]:
    """One training after the other, each of its own model and optimizer."""
    inputs, targets = torch.randn(2048, 64), torch.randint(10, (2048,))
    yield 0.0
    for number in range(1, trainings + 1):
        for _ in train(small_mlp(), inputs, targets, steps):
            pass
        if number % a_turn == 0:
            yield number / trainings


class Many(nn.Module):
    """Very many small parameters, used at once, so that a step takes little beside what each tensor takes."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(torch.randn(4) for _ in range(TENSORS))

    def forward(self, inputs: Tensor) -> Tensor:
        """The mean of them all, times the inputs."""
        return inputs @ torch.stack(list(self.weights)).mean(dim=0, keepdim=True).T


def tensors(logger: Logger, seconds: float) -> Iterator[float]:
    model, inputs, targets = Many(), torch.randn(32, 4), torch.randn(32, 1)
    yield 0.0
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, foreach=True)
    for step in range(1, FIRST_STEPS + 1):
        optimizer.zero_grad()
        mse_loss(model(inputs), targets).backward()
        optimizer.step()
        yield step / FIRST_STEPS


PROGRAMS = {program.__name__: program for program in (mlp, cnn, tiny, trainings, thousands, tensors)}
GOALS = {"mlp": 1.05, "cnn": 1.00, "tiny": 1.10, "trainings": 1.10, "thousands": 1.10, "tensors": 1.5}
"""Multiples of the plain program's time."""

WHAT = {
    "mlp": "steps of 0.3 ms",
    "cnn": "steps of 8 ms",
    "tiny": f"{TINY_STEPS:,} tiny steps",
    "trainings": "40 trainings of 0.5 s",
    "thousands": "3,000 trainings of 5 ms",
    "tensors": f"first {FIRST_STEPS} steps, {TENSORS:,} tensors",
    "process": "process that trains for 0.5 s",
    "calls": "our calls in a sampled step",
}

TIMES = {"mlp": 3, "cnn": 3, "process": 7}
"""How often each row is measured; the others, which take long, once."""

PROCESS_SECONDS = 0.8
CALLS = 300


def row(name: str, options: argparse.Namespace) -> None:
    """Measure one program in all ways, and print how its time compares with the plain one."""
    command = [str(Path(__file__).resolve()), "--seconds", str(options.seconds), "--work", name]
    ways = options.ways if name in ("mlp", "cnn") else ("plain", "unstuck")
    times = options.times or TIMES.get(name, 1)
    results = [side_by_side({way: [*command, way] for way in ways}, watched="unstuck") for _ in range(times)]
    for way in ways:
        pairs = [(result[way], result["plain"]) for result in results]
        ratios = [watched["loop"] / plain["loop"] for watched, plain in pairs]
        if way == "plain":
            continue
        label, goal = (WHAT[name], f"{GOALS[name]:.2f}x") if way == "unstuck" else (way, "")
        say(name, label, f"{statistics.median(ratios):.3f}x", goal, f"{min(ratios):.3f} to {max(ratios):.3f}")
        beside(pairs)


def beside(pairs: list[tuple[Measured, Measured]]) -> None:
    """Print what one way took beside its loop."""

    def median(of: Callable[[Measured, Measured], float]) -> float:
        return statistics.median(of(watched, plain) for watched, plain in pairs)

    loop = median(lambda watched, plain: plain["loop"])
    busy = median(lambda watched, plain: watched["busy"] / plain["busy"])
    start = median(lambda watched, plain: watched["starting"] - plain["starting"])
    verdict = median(lambda watched, plain: watched["ending"] - plain["ending"])
    memory = median(lambda watched, plain: watched["greatest"] - plain["greatest"])
    growth = median(lambda watched, plain: watched["late"] - watched["early"])
    plain_growth = median(lambda watched, plain: plain["late"] - plain["early"])
    print(
        f"{'':12}processor time {busy:.3f}x; plain {loop:.1f} s; start-up {start:+.2f} s, verdict {verdict:+.2f} s; "
        f"memory {memory:+.0f} MB, from a tenth to the end {growth:+.1f} MB (plain {plain_growth:+.1f})"
    )
    counted = [watched for watched, _ in pairs if "trainings" in watched]
    if counted and counted[-1]["trainings"] + counted[-1]["unwatched"] > 1:
        watched = statistics.median(one["trainings"] for one in counted)
        print(f"{'':12}{watched:.0f} trainings were watched, {counted[-1]['unwatched']:.0f} were not, for want of time")


def process(options: argparse.Namespace) -> None:
    """The whole process of a short script, from start to end, pair by pair."""
    script = [str(Path(__file__).resolve()), "--short"]

    def seconds(command: list[str]) -> tuple[float, float]:
        begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, *command, *script], cwd=folder, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return time.perf_counter() - begin, busy

    pairs = [(seconds(["-m", "unstuck", "run"]), seconds([])) for _ in range(options.times or TIMES["process"])]
    more = [watched[0] - plain[0] for watched, plain in pairs]
    around = f"{min(more):.2f} to {max(more):.2f}"
    say("process", WHAT["process"], f"{statistics.median(more):+.2f} s", f"{PROCESS_SECONDS:+.2f} s", around)
    print(f"{'':12}processor time {statistics.median(watched[1] - plain[1] for watched, plain in pairs):+.2f} s")


def short() -> None:
    """The script of :func:`process`."""
    begin = time.perf_counter()
    for _ in train(small_mlp(), torch.randn(2048, 64), torch.randint(10, (2048,)), 1_000_000):
        if time.perf_counter() - begin > 0.5:
            break


def calls(options: argparse.Namespace) -> None:
    """How many of our own Python functions are called in a sampled step of a network of two layers."""
    del options
    ours, counted = str(Path(unstuck.__file__).parent), 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal counted
        counted += event == "call" and frame.f_code.co_filename.startswith(ours)

    model, inputs, targets = (
        nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 4)),
        torch.randn(50, 20),
        torch.randint(4, (50,)),
    )
    with tempfile.TemporaryDirectory() as folder, RunWriter(Path(folder)) as writer, Session(writer, budget=1.0):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(13):
            sys.setprofile(count if step == 12 else None)
            optimizer.zero_grad()
            cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        sys.setprofile(None)
    say("calls", WHAT["calls"], f"{counted}", f"{CALLS}", "")


ROWS = ("mlp", "cnn", "tiny", "process", "trainings", "calls", "tensors", "thousands")


def say(name: str, what: str, measured: str, goal: str, around: str) -> None:
    """Print one row."""
    print(f"{name:12}{what:38}{measured:>10}{goal:>10}  {around}", flush=True)


def main() -> None:
    """Measure, and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", nargs=2, metavar=("PROGRAM", "WAY"), help=argparse.SUPPRESS)
    parser.add_argument("--short", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="+", default=ROWS, choices=ROWS, metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--seconds", type=float, default=10.0, help="of the plain loop of mlp and cnn")
    parser.add_argument("--times", type=int, help="how often each row is measured; by default 3, 7 or, of long ones, 1")
    installed = [way for way in WAYS if way != "tensorboard" or importlib.util.find_spec("tensorboard")]
    parser.add_argument("--ways", nargs="+", default=installed[:2], choices=installed, help="of mlp and cnn")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if options.short:
        short()
        return
    if options.work:
        program, way = options.work
        measure(PROGRAMS[program](LOGGERS.get(way, no_logger), options.seconds))
        return
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, 1 thread")
    print(f"{'row':12}{'what':38}{'measured':>10}{'goal':>10}  range", flush=True)
    for name in options.only:
        if name in PROGRAMS:
            row(name, options)
        else:
            {"process": process, "calls": calls}[name](options)
    print(f"start-up and verdict: beyond the plain script's; at most {STARTUP_SECONDS} s and {VERDICT_SECONDS:.0f} s")
    print(f"memory: greatest, beyond the plain script's; at most {MEMORY[0] - 1:.0%} and {MEMORY[1]:.0f} MB")


if __name__ == "__main__":
    main()
