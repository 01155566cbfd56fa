"""What watching costs in the loops of libraries, row by row, each with what the budget allows.

Run ``python benchmarks/libraries.py``, or with the names of some scripts of ``tests/libraries/programs``, where the
extra ``libraries`` is installed. Each script is made to train for longer, and runs plain and under ``unstuck run`` side
by side (:mod:`turns`), ``--times`` times. Time is taken from the first call of a module to the end of the script:
without imports, data and the verdict. On a machine that others use too, the ratio of the processor times is the better
one; "counted" is what watching takes by its own account.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import platform
import runpy
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from turns import Loop, Measured, side_by_side

from unstuck.observe.budget import ADMITTED_SECONDS, EVALUATION_SECONDS, RECOGNISING_SECONDS, Budget

PROGRAMS = Path(__file__).parents[1] / "tests" / "libraries" / "programs"
TURN_SECONDS = 0.1
BEGUN_SECONDS = 2.0

LONGER = {
    "accelerate_digits": ("num_epochs = 12", "num_epochs = 150"),
    "baselines_ppo": ("total_timesteps=4096", "total_timesteps=24576"),
    "diffusers_blobs": ("in range(18)", "in range(40)"),
    "geometric_gcn": ("range(200)", "range(6000)"),
    "hydra_digits": ("range(cfg.epochs)", "range(40 * cfg.epochs)"),
    "ignite_digits": ("max_epochs=10", "max_epochs=120"),
    "keras_digits": ("epochs=15", "epochs=150"),
    "lightning_digits": ("max_epochs=20", "max_epochs=250"),
    "optuna_digits": ("range(12)", "range(150)"),
    "peft_lora": ("range(5)", "range(40)"),
    "sentences_similarity": ("num_train_epochs=4", "num_train_epochs=30"),
    "skorch_moons": ("max_epochs=15", "max_epochs=400"),
    "transformers_classification": ("num_train_epochs=6", "num_train_epochs=40"),
    "transformers_lm": ("num_train_epochs=10", "num_train_epochs=50"),
    "trl_sft": ("num_train_epochs=8", "num_train_epochs=50"),
}
"""What makes a script train for some 20 s on one thread of an x86-64 CPU: what stands in it, and what instead."""


def take_the_time(name: str) -> None:
    """Run a script for longer, and print what it took from the first call of a module."""
    shutil.copytree(PROGRAMS, "programs")
    script = Path("programs", f"{name}.py").resolve()
    text, (short, long) = script.read_text(encoding="utf-8"), LONGER[name]
    assert text.count(short) == 1, f"{short} does not stand once in {script.name}"
    script.write_text(text.replace(short, long), encoding="utf-8")
    timed = Timed()
    sys.argv = [str(script)]
    with contextlib.redirect_stdout(io.StringIO()):
        runpy.run_path(str(script), run_name="__main__")
    timed.loop.end()


class Timed:
    """The time of a script that knows nothing of it: its turns end behind backward passes."""

    def __init__(self) -> None:
        self._backward = torch.Tensor.backward
        self._first = nn.modules.module.register_module_forward_pre_hook(self._begin)
        torch.Tensor.backward = lambda tensor, *args, **kwargs: self._turn(tensor, *args, **kwargs)

    def _begin(self, *_: object) -> None:
        self._first.remove()
        self.loop = Loop()
        self._began = self._turned = time.perf_counter()

    def _turn(self, tensor: torch.Tensor, *args: object, **kwargs: object) -> None:
        self._backward(tensor, *args, **kwargs)
        now = time.perf_counter()
        if now - self._turned > TURN_SECONDS:
            self.loop.turn(begun=now - self._began > BEGUN_SECONDS)
            self._turned = time.perf_counter()


def row(name: str, times: int) -> None:
    """Measure one script, and print how its time compares with the plain one's, and what is allowed."""
    command = [str(Path(__file__).resolve()), "--work", name]
    pairs = [
        (result["unstuck"], result["plain"])
        for result in (side_by_side({"plain": command, "unstuck": command}, watched="unstuck") for _ in range(times))
    ]

    def median(of: Callable[[Measured, Measured], float]) -> float:
        return statistics.median(of(watched, plain) for watched, plain in pairs)

    seconds = median(lambda _, plain: plain["loop"])
    measured = median(lambda watched, plain: watched["loop"] / plain["loop"])
    busy = median(lambda watched, plain: watched["busy"] / plain["busy"])
    counted = median(lambda watched, plain: 1 + watched["counted"] / plain["loop"])
    verdict = median(lambda watched, plain: watched["ending"] - plain["ending"])
    memory = median(lambda watched, plain: watched["greatest"] - plain["greatest"])
    print(
        f"{name:28}{seconds:7.1f} s{measured:9.3f}x{busy:9.3f}x{counted:9.3f}x{allowed(seconds):9.3f}x"
        f"{verdict:+8.1f} s{memory:+7.0f} MB",
        flush=True,
    )


def allowed(seconds: float) -> float:
    """What a training of so many seconds may take, as a multiple: with what is granted once for its first steps."""
    granted = ADMITTED_SECONDS + RECOGNISING_SECONDS + EVALUATION_SECONDS
    return 1 + (Budget().allowed(seconds) + granted) / seconds


def main() -> None:
    """Measure, and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", default=list(LONGER), metavar="NAME", help=", ".join(LONGER))
    parser.add_argument("--times", type=int, default=3, help="how often each row is measured")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.work:
        take_the_time(options.work)
        return
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, 1 thread")
    columns = f"{'plain':>9}{'watched':>10}{'processor':>10}{'counted':>10}{'allowed':>10}{'verdict':>10}{'memory':>10}"
    print(f"{'script':28}{columns}", flush=True)
    for name in options.names:
        row(name, options.times)


if __name__ == "__main__":
    main()
