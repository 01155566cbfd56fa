"""What watching costs: a script plain, under ``unstuck run``, and with the loggers that people write themselves.

Run ``python benchmarks/watching.py``; it prints one table. Each way runs in a process of its own. All of them go
forward side by side, taking turns of a fraction of a second, so that each sees the same machine. The time is that of
the training loop; what the process takes beyond it is start-up and verdict, and told apart.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

WAYS = ("plain", "unstuck", "plot_grad_flow", "tensorboard")
NOMINAL = {"cnn": 0.008, "mlp": 0.0003}
LIMITS = {"cnn": 1.03, "mlp": 1.10}
STARTUP_SECONDS = 1.5
VERDICT_SECONDS = 2.0
MEMORY = (1.05, 60.0)
TURN_SECONDS = 0.1
TURNS = "WATCHING_TURNS"
"""Environment variable that tells a process where to read that its turn has come, and where to say it is over."""


def cnn() -> tuple[nn.Module, Tensor, Tensor]:
    """A step of about 8 ms on one thread."""
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    )
    return model, torch.randn(2048, 1, 28, 28), torch.randint(10, (2048,))


def mlp() -> tuple[nn.Module, Tensor, Tensor]:
    """A step of about 0.3 ms on one thread."""
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    return model, torch.randn(2048, 64), torch.randint(10, (2048,))


def no_logger(model: nn.Module, folder: Path) -> Callable[[int], None]:
    """Nothing."""
    del model, folder
    return lambda step: None


def plot_grad_flow(model: nn.Module, folder: Path) -> Callable[[int], None]:
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


def tensorboard(model: nn.Module, folder: Path) -> Callable[[int], None]:
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


LOGGERS = {"plain": no_logger, "unstuck": no_logger, "plot_grad_flow": plot_grad_flow, "tensorboard": tensorboard}


class Turns:
    """Turns at the machine, which the orchestrating process gives: only one way runs at a time.

    A machine that others use runs several times faster at one moment than at the next, so the ways go forward side by
    side, a fraction of a second each. While a way waits its clock stands still, for what observing may spend follows
    the time that training took.
    """

    def __init__(self) -> None:
        self._given, self._done = (int(number) for number in os.environ[TURNS].split())
        self._clock, self._waited = time.perf_counter, 0.0
        time.perf_counter = self.now

    def now(self) -> float:
        """Seconds, without those in which others had their turns."""
        return self._clock() - self._waited

    def over(self) -> None:
        """Say that this turn is over, and wait for the next."""
        begin = self._clock()
        os.write(self._done, b".")
        os.read(self._given, 1)
        self._waited += self._clock() - begin

    def end(self) -> None:
        """Say that no more turns are wanted."""
        os.write(self._done, b"!")


def work(what: str, way: str, seconds: float) -> None:
    """The script: train for about so long, and print the loop's time, its steps and the greatest memory."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, inputs, targets = cnn() if what == "cnn" else mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    steps, each = int(seconds / NOMINAL[what]), max(1, int(TURN_SECONDS / NOMINAL[what]))
    turns = Turns()
    with tempfile.TemporaryDirectory() as folder:
        log = LOGGERS[way](model, Path(folder))
        turns.over()
        begin = time.perf_counter()
        for step in range(steps):
            chosen = slice(step * 32 % 2048, step * 32 % 2048 + 32)
            optimizer.zero_grad()
            loss = criterion(model(inputs[chosen]), targets[chosen])
            loss.backward()
            optimizer.step()
            log(step)
            if step % each == each - 1:
                turns.over()
        took = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"loop": took, "steps": steps, "memory": memory}), flush=True)
    turns.end()


class Runner:
    """One way's process, which runs when it is given a turn."""

    def __init__(self, what: str, way: str, seconds: float, folder: str) -> None:
        arguments = [str(Path(__file__).resolve()), "--work", what, way, "--seconds", str(seconds)]
        watched = ["-m", "unstuck", "run", "--out", f"{folder}/run"] if way == "unstuck" else []
        theirs, self._give = os.pipe()
        self._wait, mine = os.pipe()
        begin = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, *watched, *arguments],
            env={**os.environ, "OMP_NUM_THREADS": "1", TURNS: f"{theirs} {mine}"},
            cwd=folder,
            pass_fds=(theirs, mine),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        os.close(theirs)
        os.close(mine)
        self._over()
        self.starting = time.perf_counter() - begin

    def _over(self) -> bool:
        return os.read(self._wait, 1) == b"."

    def turn(self) -> bool:
        """Give it a turn, and wait until that is over; whether it will want another."""
        os.write(self._give, b".")
        return self._over()

    def finish(self) -> dict[str, float]:
        """Let it come to its end, after its last turn, and give what it measured."""
        begin = time.perf_counter()
        printed, _ = self._process.communicate()
        ending = time.perf_counter() - begin
        os.close(self._give)
        os.close(self._wait)
        numbers = json.loads(next(line for line in printed.splitlines() if line.startswith("{")))
        return {**numbers, "starting": self.starting, "ending": ending}


def measure(what: str, ways: list[str], seconds: float) -> dict[str, dict[str, float]]:
    """Run the script in all ways side by side, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        runners = {way: Runner(what, way, seconds, folder) for way in ways}
        going, measured = list(ways), {}
        while going:
            for way in tuple(going):
                if not runners[way].turn():
                    going.remove(way)
                    measured[way] = runners[way].finish()
            random.shuffle(going)
    return measured


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", nargs=2, metavar=("WHAT", "WAY"))
    parser.add_argument("--seconds", type=float, default=20.0, help="of the plain loop, on a fast machine")
    parser.add_argument("--times", type=int, default=3, help="how often each step is measured; medians are printed")
    parser.add_argument("--steps", nargs="+", default=list(NOMINAL), choices=NOMINAL)
    installed = [way for way in WAYS if way != "tensorboard" or importlib.util.find_spec("tensorboard")]
    parser.add_argument("--ways", nargs="+", default=installed, choices=WAYS, help="tensorboard must be installed")
    options = parser.parse_args()
    if options.work:
        work(*options.work, options.seconds)
        return
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, 1 thread, {options.times} times")
    print(f"{'step':20}{'way':16}{'time':>8}{'at most':>9}{'start-up':>10}{'verdict':>9}{'memory':>9}", flush=True)
    for what in options.steps:
        results = [measure(what, options.ways, options.seconds) for _ in range(options.times)]
        step = statistics.median(result["plain"]["loop"] / result["plain"]["steps"] for result in results)
        for way in options.ways:
            pairs = [(result[way], result["plain"]) for result in results]
            ratios = [watched["loop"] / plain["loop"] for watched, plain in pairs]
            around = [
                statistics.median(watched[part] - plain[part] for watched, plain in pairs)
                for part in ("starting", "ending")
            ]
            memory = statistics.median(watched["memory"] - MEMORY[0] * plain["memory"] for watched, plain in pairs)
            limit = f"{LIMITS[what]:.2f}" if way == "unstuck" else ""
            print(
                f"{f'{what}, {step * 1e3:.2f} ms':20}{way:16}{statistics.median(ratios):7.3f}x{limit:>9}"
                f"{around[0]:+9.2f}s{around[1]:+8.2f}s{memory:+7.0f}MB  {min(ratios):.3f} to {max(ratios):.3f}",
                flush=True,
            )
    print(f"start-up and verdict: beyond the plain script's; at most {STARTUP_SECONDS} s and {VERDICT_SECONDS:.0f} s")
    print(f"memory: greatest, beyond {MEMORY[0]:.2f} times the plain script's; at most {MEMORY[1]:.0f} MB")


if __name__ == "__main__":
    main()
