"""With several processes: rank 0 is watched, its numbers are those of one process, and nothing waits for ever."""

from __future__ import annotations

import os
import signal as signals_of_processes
import socket
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from unstuck.observe import blind_spots
from unstuck.record import Run, facts, signals
from unstuck.rules import judge

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_available(), reason="PyTorch is built without torch.distributed"
)

SPREAD = str(Path(__file__).parent / "spread_training.py")
SECONDS_UNTIL_HUNG = 100
NORMS = (signals.GRADIENT_NORM, signals.WEIGHT_NORM, signals.UPDATE_NORM, signals.UPDATE_GRADIENT_COSINE)

SCRIPT = """
import os, sys
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

def main(kind):
    rank, world = 0, 1
    if kind != "alone":
        dist.init_process_group("gloo")
        rank, world = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    if kind == "ddp":
        model = DistributedDataParallel(model)
    elif kind == "fsdp":
        from torch.distributed.fsdp import fully_shard
        fully_shard(model[0]); fully_shard(model[2]); fully_shard(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    x, y = torch.randn(40, 32, 6), torch.randint(3, (40, 32))
    for a, b in zip(x, y):
        optimizer.zero_grad()
        part = slice(rank * 32 // world, (rank + 1) * 32 // world)
        loss = F.cross_entropy(model(a[part]), b[part])
        loss.backward()
        optimizer.step()
        sys.stdout.write(f"{rank} {loss.item():.6f}\\n")
    if kind != "alone":
        dist.destroy_process_group()

if __name__ == "__main__":
    main(sys.argv[1])
"""

LANGUAGE = """
import sys
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x):
        q, k, v = (part.unflatten(-1, (2, 8)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=CAUSAL)
        return x + self.out(y.transpose(1, 2).flatten(2))

class Language(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.place = nn.Embedding(12, 16), nn.Embedding(10, 16)
        self.blocks, self.head = nn.ModuleList([Block(), Block()]), nn.Linear(16, 12)

    def forward(self, ids):
        x = self.token(ids) + self.place(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(x)

def main(kind):
    rank, world = 0, 1
    torch.manual_seed(0)
    model = Language()
    if kind != "alone":
        from torch.distributed.fsdp import fully_shard
        dist.init_process_group("gloo")
        rank, world = dist.get_rank(), dist.get_world_size()
        for part in (*model.blocks, model):
            fully_shard(part)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for ids in torch.randint(12, (40, 16, 11)):
        mine = ids[rank * 16 // world : (rank + 1) * 16 // world]
        loss = F.cross_entropy(model(mine[:, :-1]).flatten(0, 1), mine[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sys.stdout.write(f"{rank} {loss.item():.6f}\\n")
    if kind != "alone":
        dist.destroy_process_group()

if __name__ == "__main__":
    main(sys.argv[1])
"""


@dataclass
class Ended:
    """What the processes of one program wrote, and how they ended."""

    outputs: list[str]
    errors: list[str]
    statuses: list[int]


def together(folder: Path, world: int, *command: str) -> Ended:
    """Run a program in several processes; where one hangs, all print where they are, and end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    hung = {"SECONDS_UNTIL_HUNG": str(SECONDS_UNTIL_HUNG)}
    processes = [
        subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, **shared, **hung, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            start_new_session=True,
        )
        for rank in range(world)
    ]
    try:
        with ThreadPoolExecutor(world) as pool:
            wrote = [*pool.map(lambda process: process.communicate(timeout=SECONDS_UNTIL_HUNG + 20), processes)]
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signals_of_processes.SIGKILL)
    return Ended([out for out, _ in wrote], [err for _, err in wrote], [process.returncode for process in processes])


def as_if_unwatched(folder: Path, world: int, *arguments: str) -> Run:
    """Watch a program that is the same without us on every rank, its collective calls included; what was recorded."""
    plain = together(folder, world, SPREAD, *arguments)
    assert plain.statuses == [0] * world, plain.errors
    watch = ["-m", "unstuck", "run", "--budget", "100", "--out", "out"]
    watched = together(folder, world, *watch, SPREAD, *arguments)
    assert watched.statuses == [0] * world, watched.errors
    assert watched.outputs == plain.outputs
    assert "sampled" in watched.errors[0], "a verdict"
    assert not any("stopped watching" in error or "sampled" in error for error in (*watched.errors[1:], *plain.errors))
    return Run.open(folder / "out")


def torchrun(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(textwrap.dedent(SCRIPT))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    return subprocess.run(
        [*launcher, *command],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def by_rank(stdout: str) -> list[list[str]]:
    return [[line for line in stdout.splitlines() if line.startswith(f"{rank} ")] for rank in (0, 1)]


def watched_alone(folder: Path, script: str = "script.py") -> Run:
    command = [sys.executable, "-m", "unstuck", "run", "--budget", "100", "--out", "alone", script, "alone"]
    subprocess.run(command, capture_output=True, check=True, cwd=folder, timeout=120)
    return Run.open(folder / "alone")


def same_numbers(run: Run, alone: Run, signal: signals.Signal) -> None:
    ours, theirs = run.table(signal), alone.table(signal)
    assert [name.removeprefix("module.") for name in ours.names] == list(theirs.names)
    steps, here, there = np.intersect1d(ours.steps, theirs.steps, return_indices=True)
    assert len(steps) >= 12
    np.testing.assert_allclose(ours.values[here], theirs.values[there], rtol=1e-3, atol=1e-6)


def test_two_processes_with_sharded_and_with_parallel_layers_are_left_as_they_are(tmp_path):
    run = as_if_unwatched(tmp_path, 2, "fsdp2,tp_loss")
    sharded, parallel = run.streams()
    assert np.isfinite(sharded.table(signals.UPDATE_NORM).values[:8]).all()
    assert np.isfinite(parallel.table(signals.UPDATE_NORM).values[:8]).all()
    assert len(sharded.series(signals.LOSS)) == len(parallel.series(signals.LOSS)) == 24
    assert [event.what for event in parallel.facts(facts.Event)] == [blind_spots.PARTS]
    assert not sharded.facts(facts.Event)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "kind"),
    [(2, "ddp"), (2, "fsdp2"), (2, "tp"), (2, "tp_loss"), (4, "fsdp2"), (4, "hsdp"), (4, "tp"), (4, "tp_fsdp2")],
)
def test_spread_trainings_are_left_as_they_are_and_have_the_statistics_of_one_process(world, kind, tmp_path):
    run = as_if_unwatched(tmp_path, world, kind)
    alone = watched_alone(tmp_path, SPREAD)
    for signal in NORMS:
        same_numbers(run, alone, signal)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "kind", "precision"),
    [
        *((2, kind, "bfloat16") for kind in ("ddp", "fsdp2", "tp")),
        *((4, kind, "bfloat16") for kind in ("hsdp", "tp_fsdp2")),
        *((2, kind, "float32") for kind in ("sequence", "fsdp1")),
    ],
)
def test_spread_trainings_in_half_precision_or_of_older_kinds_are_left_as_they_are(world, kind, precision, tmp_path):
    run = as_if_unwatched(tmp_path, world, kind, precision)
    assert len(run.series(signals.LOSS)) == 24
    parts = [blind_spots.PARTS]
    said = {"fsdp1": [blind_spots.FLATTENED], "sequence": parts, "tp": parts, "tp_fsdp2": parts}
    assert [event.what for event in run.facts(facts.Event)] == said.get(kind, [])


@pytest.mark.slow
@pytest.mark.parametrize("console_script", [False, True], ids=["python -m unstuck", "unstuck"])
def test_data_parallel_training_has_the_statistics_of_one_process(console_script, tmp_path):
    watch = ["--no-python", str(Path(sys.executable).parent / "unstuck")] if console_script else ["-m", "unstuck"]
    shown = torchrun(tmp_path, *watch, "run", "--budget", "100", "--out", "out", "script.py", "ddp")
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr.count("not evaluated") <= 1, "one verdict"
    assert "sampled" in shown.stderr
    plain = torchrun(tmp_path, "script.py", "ddp")
    assert by_rank(shown.stdout) == by_rank(plain.stdout)

    parallel, alone = Run.open(tmp_path / "out"), watched_alone(tmp_path)
    for signal in NORMS:
        same_numbers(parallel, alone, signal)
    losses = [float(line.split()[1]) for line in by_rank(plain.stdout)[0]]
    np.testing.assert_allclose(parallel.series(signals.LOSS).values, losses, atol=1e-5)


@pytest.mark.slow
def test_sharded_training_has_the_statistics_of_one_process(tmp_path):
    shown = torchrun(tmp_path, "-m", "unstuck", "run", "--budget", "100", "--out", "out", "script.py", "fsdp")
    assert shown.returncode == 0, shown.stderr
    assert "stopped watching" not in shown.stderr
    plain = torchrun(tmp_path, "script.py", "fsdp")
    assert by_rank(shown.stdout) == by_rank(plain.stdout)
    run, alone = Run.open(tmp_path / "out"), watched_alone(tmp_path)
    assert len(run.series(signals.LOSS)) == 40
    assert run.series(signals.GRADIENT_COSINE).values[:10] == pytest.approx(
        alone.series(signals.GRADIENT_COSINE).values[:10], rel=1e-3
    )
    for signal in (*NORMS, signals.GRADIENT_MAX, signals.GRADIENT_ZEROS, signals.GRADIENT_NONFINITE):
        same_numbers(run, alone, signal)
    assert not [event for event in run.facts(facts.Event) if "sharded" in event.what]
    assert not [graph for graph in run.facts(facts.Graph) if graph.unreached]
    assert not run.facts(facts.UnoptimizedParameters)
    assert run.table(signals.ACTIVATION_MEAN).names == ("0", "1", "2")
    assert run.fact(facts.Model).parameters[0].shape == (8, 6)


@pytest.mark.slow
def test_sharded_parameters_have_no_norms_rather_than_wrong_ones(tmp_path):
    """Where the other ranks run the script itself, their parts are not measured."""
    (tmp_path / "one_watches.py").write_text(
        "import os, runpy, subprocess, sys\n"
        "watch = ['-m', 'unstuck', 'run', '--budget', '100', '--out', 'out']\n"
        "command = [*(watch if os.environ['RANK'] == '0' else []), 'script.py', 'fsdp']\n"
        "sys.exit(subprocess.run([sys.executable, *command]).returncode)\n"
    )
    shown = torchrun(tmp_path, "one_watches.py")
    assert shown.returncode == 0, shown.stderr
    run = Run.open(tmp_path / "out")
    assert len(run.series(signals.LOSS)) == 40
    for signal in NORMS:
        assert np.isnan(run.table(signal).values).all()
    assert any("sharded" in event.what for event in run.facts(facts.Event))


@pytest.mark.slow
@pytest.mark.parametrize("causal", [True, False])
def test_a_sharded_language_model_has_its_vitals_and_is_left_as_it_is(causal, tmp_path):
    (tmp_path / "script.py").write_text(LANGUAGE.replace("CAUSAL", str(causal)))
    plain = together(tmp_path, 2, "script.py", "fsdp")
    watched = together(tmp_path, 2, *["-m", "unstuck", "run", "--budget", "100", "--out", "out", "script.py", "fsdp"])
    assert watched.statuses == plain.statuses == [0, 0], watched.errors
    assert watched.outputs == plain.outputs
    with Run.open(tmp_path / "out") as run, watched_alone(tmp_path) as alone:
        for signal in (*NORMS, signals.UPDATE_RATIO):
            same_numbers(run, alone, signal)
        heads = tuple(f"blocks.{block}#{head}" for block in range(2) for head in range(2))
        for signal in (signals.ATTENTION_LOGIT, signals.ATTENTION_ENTROPY):
            assert run.table(signal).names == heads
            assert np.isfinite(run.table(signal).values).all()
        assert {call.next for call in run.facts(facts.AttentionCall)} == {0.0 if causal else 1.0}
        assert not [event for event in run.facts(facts.Event) if event.blinds]
        assert [(left.offset, left.length) for left in run.facts(facts.UnfollowedSequence)] == [(1, 10)]
        verdict = judge(run)
        assert any("processes" in gap for gap in verdict.gaps), "outputs are not followed back, and it is said"
        assert ("D215" in [finding.code for finding in verdict.findings]) == (not causal)
