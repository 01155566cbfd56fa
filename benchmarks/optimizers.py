"""Steps of unstuck's optimizers, observations included, against torch's own modes and the machine's memory.

Run ``python benchmarks/optimizers.py``; it prints one table. All candidates of a size run in turns within one process,
and medians over the turns are compared, so that a busy moment of the machine hits all alike. With ``--first-use`` it
times the first step of each method in a new process instead, which compiles its kernel.

Small steps are followed by what they cannot go below: the kernel alone, which passes over all entries once, and a step
of ``torch.optim.Optimizer`` that does nothing, with its record for profilers.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

import unstuck.optim as ours

SIZES = ((60, 400_000), (160, 2_000), (6, 5_000))
METHODS = ("SGD", "Momentum", "AveragedMomentum", "Nesterov", "Adagrad", "RMSprop", "Adam", "AdamW", "RAdam")
MODES = {"fused": {"fused": True}, "foreach": {"foreach": True}, "loop": {"foreach": False}}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A method, how it is set up, and what it is held against."""

    name: str
    arguments: dict[str, float]
    modes: tuple[str, ...]
    limits: tuple[float, float, float]
    traffic: int  # floats read and written for each entry


CASES = (
    Case(name="Adam", arguments={"lr": 1e-3}, modes=("fused",), limits=(1.05, 0.20, 0.25), traffic=7),
    Case(
        name="SGD",
        arguments={"lr": 1e-3, "momentum": 0.9},
        modes=("fused", "foreach", "loop"),
        limits=(1.05, 0.25, 0.30),
        traffic=5,
    ),
    Case(name="RMSprop", arguments={"lr": 1e-3}, modes=("foreach", "loop"), limits=(1.05, 0.25, 0.30), traffic=5),
    Case(
        name="Adagrad",
        arguments={"lr": 1e-3},
        modes=("fused", "foreach", "loop"),
        limits=(1.05, 0.25, 0.30),
        traffic=5,
    ),
)


def parameters(count: int, size: int) -> list[torch.nn.Parameter]:
    made = [torch.nn.Parameter(torch.randn(size)) for _ in range(count)]
    for p in made:
        p.grad = torch.randn(size)
    return made


def interleave(calls: dict[str, Callable[[], object]], *, repeats: int, inner: int) -> dict[str, float]:
    """Median seconds a call; in each turn every candidate makes ``inner`` calls, and the order alternates."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
        call()
    order = list(calls)
    for _ in range(repeats):
        order.reverse()
        for name in order:
            call = calls[name]
            call()
            start = time.perf_counter()
            for _ in range(inner):
                call()
            times[name].append((time.perf_counter() - start) / inner)
    return {name: statistics.median(values) for name, values in times.items()}


def with_norms(optimizer: torch.optim.Optimizer, params: list[torch.nn.Parameter]) -> Callable[[], object]:
    """The fused step of torch with the norms of w, g and dw measured beside it."""

    @torch.no_grad()
    def step() -> None:
        before = [p.clone() for p in params]
        torch._foreach_norm(params)
        torch._foreach_norm([p.grad for p in params])
        optimizer.step()
        torch._foreach_norm(torch._foreach_sub(params, before))

    return step


class Empty(torch.optim.Optimizer):
    """What torch adds to every step."""

    def __init__(self, params: list[torch.nn.Parameter]) -> None:
        super().__init__(params, {})

    def step(self) -> None:  # type: ignore[override]
        """Nothing."""


def floor(optimizer: ours.SGD, params: list[torch.nn.Parameter]) -> dict[str, Callable[[], object]]:
    """The parts of a step that no bookkeeping can save; the optimizer has stepped before."""
    (compiled,) = optimizer._plan._steps

    def kernel() -> None:
        compiled._ticket[0] = 0
        compiled._call()

    return {"kernel alone": kernel, "empty step": Empty(params).step}


def memory(elements: int) -> dict[str, float]:
    """Bytes a second of a copy and of a triad over arrays of the given size."""
    a, b, c = torch.rand(elements), torch.rand(elements), torch.rand(elements)
    times = interleave(
        {"copy": lambda: a.copy_(b), "triad": lambda: torch.add(b, c, alpha=3.0, out=a)}, repeats=7, inner=1
    )
    return {"copy": 2 * 4 * elements / times["copy"], "triad": 3 * 4 * elements / times["triad"]}


def compare(case: Case, count: int, size: int, limit: float, repeats: int) -> None:
    params = parameters(count, size)
    optimizer = getattr(ours, case.name)(params, **case.arguments)
    calls: dict[str, Callable[[], object]] = {"unstuck": optimizer.step}
    for mode in case.modes:
        peer = getattr(torch.optim, case.name)(parameters(count, size), **case.arguments, **MODES[mode])
        calls[mode] = peer.step
    large = count * size > 5_000_000
    if not large:
        optimizer.step()
        calls |= floor(optimizer, params)
    if case.name == "Adam" and large:
        params = parameters(count, size)
        calls["fused + norms"] = with_norms(torch.optim.Adam(params, **case.arguments, fused=True), params)
    times = interleave(calls, repeats=repeats if large else 4 * repeats, inner=1 if large else 20)
    fastest = min(case.modes, key=times.__getitem__)
    row(f"{case.name} {count} x {size:,}", times["unstuck"], fastest, times[fastest], limit)
    if not large:
        parts = ", ".join(f"{name} {times[name] * 1e6:.1f} us" for name in ("kernel alone", "empty step"))
        print(f"{'':<22} {parts}: {times['kernel alone'] / times[fastest]:.2f} x by the kernel", flush=True)
    if "fused + norms" in times:
        row(f"{case.name} {count} x {size:,}", times["unstuck"], "fused + norms", times["fused + norms"], 0.25)
    if large:
        speed = max(memory(count * size).values())
        least = case.traffic * 4 * count * size / speed
        row(f"{case.name} {count} x {size:,}", times["unstuck"], f"memory, {speed / 1e9:.1f} GB/s", least, 1.3)


FIRST_STEP = """
import time, torch, unstuck.optim
p = torch.nn.Parameter(torch.randn(1000))
p.grad = torch.randn(1000)
optimizer = unstuck.optim.{name}([p], lr=1e-3)
start = time.perf_counter()
optimizer.step()
print(time.perf_counter() - start)
"""


def first_use(name: str) -> None:
    """The first step of a method in a new process, with no kernel kept on disk, and in the process after it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", FIRST_STEP.format(name=name)]
        environment = {**os.environ, "UNSTUCK_CACHE_DIR": folder}
        compiled, kept = (
            float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
            for _ in range(2)
        )
    verdict = "ok" if compiled < 3 else "MISSED"
    print(f"{name:<22} {compiled:>11.2f} s    first step without a cache (below 3 s)  {verdict}; with it {kept:.2f} s")


def row(work: str, own: float, peer: str, other: float, limit: float) -> None:
    ratio = own / other
    verdict = "ok" if ratio <= limit else "MISSED"
    print(
        f"{work:<22} {own * 1e6:>11,.0f} us   {peer:<20} {other * 1e6:>11,.0f} us   "
        f"{ratio:>6.2f} x  (at most {limit:.2f})  {verdict}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--only", choices=[case.name for case in CASES])
    parser.add_argument("--first-use", action="store_true", help="time the first step of every method instead")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"{platform.machine()}, torch {torch.__version__}, {options.threads} threads, float32, observations included\n"
    )
    if options.first_use:
        for name in METHODS:
            first_use(name)
        return
    for case in CASES:
        if options.only in (None, case.name):
            for (count, size), limit in zip(SIZES, case.limits, strict=True):
                compare(case, count, size, limit, options.repeats)


if __name__ == "__main__":
    main()
