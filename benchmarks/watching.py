"""What watching costs: a script plain, under ``unstuck run``, and with the loggers that people write themselves.

Run ``python benchmarks/watching.py``; it prints one table. Each way runs in a process of its own, in turns, and the
medians of the ratios to the plain run of the same turn are compared. The time is that of the training loop; what the
process takes beyond it is start-up and verdict, and told apart.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
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
LIMITS = {"cnn": 1.03, "mlp": 1.10}
STARTUP_SECONDS = 1.5
MEMORY = (1.05, 60.0)


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


def work(what: str, way: str, seconds: float) -> None:
    """The script: train for about so long, and print the loop's time, its steps and the greatest memory."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model, inputs, targets = cnn() if what == "cnn" else mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    steps = int(seconds / (0.008 if what == "cnn" else 0.0003))
    with tempfile.TemporaryDirectory() as folder:
        log = LOGGERS[way](model, Path(folder))
        begin = time.perf_counter()
        for step in range(steps):
            chosen = slice(step * 32 % 2048, step * 32 % 2048 + 32)
            optimizer.zero_grad()
            loss = criterion(model(inputs[chosen]), targets[chosen])
            loss.backward()
            optimizer.step()
            log(step)
        took = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"loop": took, "steps": steps, "memory": memory}))


def measure(what: str, way: str, seconds: float) -> dict[str, float]:
    """Run the script in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [str(Path(__file__).resolve()), "--work", what, way, "--seconds", str(seconds)]
        watched = ["-m", "unstuck", "run", "--out", f"{folder}/run"] if way == "unstuck" else []
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *watched, *arguments],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        whole = time.perf_counter() - begin
    numbers = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return {**numbers, "around": whole - numbers["loop"]}


def main() -> None:
    """Measure in turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", nargs=2, metavar=("WHAT", "WAY"))
    parser.add_argument("--seconds", type=float, default=10.0, help="of the plain loop, on a fast machine")
    parser.add_argument("--turns", type=int, default=3)
    installed = [way for way in WAYS if way != "tensorboard" or importlib.util.find_spec("tensorboard")]
    parser.add_argument("--ways", nargs="+", default=installed, choices=WAYS, help="tensorboard must be installed")
    options = parser.parse_args()
    if options.work:
        work(*options.work, options.seconds)
        return
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, 1 thread, {options.turns} turns")
    print(f"{'step':24}{'way':16}{'time':>8}{'at most':>9}{'around':>9}{'memory':>9}")
    for what in LIMITS:
        turns = [{way: measure(what, way, options.seconds) for way in options.ways} for _ in range(options.turns)]
        step = statistics.median(turn["plain"]["loop"] / turn["plain"]["steps"] for turn in turns)
        for way in options.ways:
            ratio = statistics.median(turn[way]["loop"] / turn["plain"]["loop"] for turn in turns)
            around = statistics.median(turn[way]["around"] - turn["plain"]["around"] for turn in turns)
            memory = statistics.median(turn[way]["memory"] - MEMORY[0] * turn["plain"]["memory"] for turn in turns)
            limit = f"{LIMITS[what]:.2f}" if way == "unstuck" else ""
            print(f"{f'{what}, {step * 1e3:.2f} ms':24}{way:16}{ratio:7.3f}x{limit:>9}{around:+8.2f}s{memory:+7.0f}MB")
    print(f"around: start-up and verdict, beyond the plain script's; at most {STARTUP_SECONDS} s and 2 s")
    print(f"memory: greatest, beyond {MEMORY[0]:.2f} times the plain script's; at most {MEMORY[1]:.0f} MB")


if __name__ == "__main__":
    main()
