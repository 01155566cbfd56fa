"""Of a program whose tensors are spread over processes, a watched rank makes the collective calls of a plain one.

The other rank is not there: its calls end at once. Any call more than those of the program would hang a real one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import Replicate, Shard, distribute_module, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, loss_parallel, parallelize_module
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from unstuck.observe import Session
from unstuck.observe.tensors.distributed import local_only
from unstuck.observe.torch_hooks import aside
from unstuck.record import Run, RunWriter, facts, signals

WIDTH, CLASSES, BATCH, STEPS = 64, 12, 8, 6


class Net(nn.Module):
    """With a batch norm, whose statistics may be spread too, and a rectifier."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(WIDTH, WIDTH)
        self.norm = nn.BatchNorm1d(WIDTH)
        self.down = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.down(F.relu(self.norm(self.up(x)))))


class Collectives(TorchDispatchMode):
    """Write down the collective calls."""

    def __init__(self, calls: list[str] | None = None) -> None:
        super().__init__()
        self.calls: list[str] = [] if calls is None else calls

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(kind.__name__ in ("DTensor", "AsyncCollectiveTensor") for kind in types):
            return NotImplemented  # they call others in turn
        if func.namespace in ("c10d", "_c10d_functional"):
            self.calls.append(str(func))
        return func(*args, **(kwargs or {}))


def sharded(model: Net, mesh: Any) -> nn.Module:
    for part in (model.up, model.down, model):
        fully_shard(part, mesh=mesh)
    return model


def sharded_in_bfloat16(model: Net, mesh: Any) -> nn.Module:
    model.norm = nn.LayerNorm(WIDTH)
    return fully_shard(model, mesh=mesh, mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16))


def tensor_parallel(model: Net, mesh: Any) -> nn.Module:
    return parallelize_module(
        model,
        mesh,
        {"up": ColwiseParallel(output_layouts=Replicate()), "down": RowwiseParallel(input_layouts=Replicate())},
    )


def with_spread_logits(model: Net, mesh: Any) -> nn.Module:
    head = ColwiseParallel(output_layouts=Shard(-1), use_local_output=False)
    return parallelize_module(model, mesh, {"head": head})


def all_spread(model: Net, mesh: Any) -> nn.Module:
    """Parameters, statistics, activations and the loss are DTensors; examples are sharded."""
    model.norm = nn.Identity()
    return distribute_module(
        model,
        mesh,
        input_fn=lambda module, inputs, mesh: distribute_tensor(inputs[0], mesh, [Shard(0)]),
    )


def spread_statistics(model: Net, mesh: Any) -> nn.Module:
    for name in ("running_mean", "running_var"):
        model.norm.register_buffer(name, distribute_tensor(getattr(model.norm, name), mesh, [Shard(0)]))
    model.norm.forward = lambda x: x
    return model


SPREADINGS = [sharded, sharded_in_bfloat16, tensor_parallel, with_spread_logits, all_spread, spread_statistics]


def train(spread: Callable[[Net, Any], nn.Module], mesh: Any, *, broken: bool = False) -> list[str]:
    """The collective calls of a training."""
    torch.manual_seed(0)
    with Collectives() as collectives:
        model = spread(Net(), mesh)
        optimizer = torch.optim.Adam(model.parameters())
        for step in range(STEPS):
            x, y = torch.randn(BATCH, WIDTH), torch.randint(CLASSES, (BATCH,))
            if broken and step == 2:
                x[0] = torch.nan
            optimizer.zero_grad()
            with loss_parallel() if spread is with_spread_logits else contextlib.nullcontext():
                output = model(x)
                loss = output.square().mean() if spread is all_spread else F.cross_entropy(output, y)
                loss.backward()
            nn.utils.clip_grad_norm_([p for p in model.parameters() if type(p) is nn.Parameter], 1.0)
            optimizer.step()
            model.eval()
            with torch.no_grad():
                output = model(x)
                (output.argmax(1) == output.argmax(1)).sum()
            model.train()
    return collectives.calls


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The collective calls of what measures, which the modes of the program do not see."""
    calls: list[str] = []

    def watched() -> contextlib.ExitStack:
        stack = contextlib.ExitStack()
        stack.enter_context(local_only())
        stack.enter_context(Collectives(calls))
        return stack

    monkeypatch.setattr(aside, "local_only", watched)
    return calls


@pytest.mark.parametrize("broken", [False, True], ids=["finite", "not finite"])
@pytest.mark.parametrize("spread", SPREADINGS)
def test_a_watched_rank_makes_no_collective_call_of_its_own(
    spread: Callable[[Net, Any], nn.Module], broken: bool, two_ranks: Any, own: list[str], tmp_path: Path
) -> None:
    plain = train(spread, two_ranks, broken=broken)
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0) as session:
        watched = train(spread, two_ranks, broken=broken)
    assert session.failure is None
    assert watched == plain
    assert own == []
    run = Run.open(tmp_path)
    assert not run.facts(facts.Unread), "each collector passes by what it cannot read"
    assert run.fact(facts.Model).parameters[0].shape == (WIDTH, WIDTH)
    assert len(run.table(signals.WEIGHT_NORM).values) >= 1


class SumOverRanks(torch.autograd.Function):
    """As those who write their own tensor parallelism write it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class Summing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return SumOverRanks.apply(checkpoint(lambda x: SumOverRanks.apply(self.body(x)).log(), x, use_reentrant=False))


def sums() -> list[str]:
    """The collective calls of a training whose own functions make them, in checkpoints too; its loss is not finite."""
    torch.manual_seed(0)
    model = Summing()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Collectives() as collectives:
        for _ in range(STEPS):
            optimizer.zero_grad()
            model(torch.randn(BATCH, WIDTH)).square().mean().backward()
            optimizer.step()
    return collectives.calls


def test_functions_that_call_on_other_ranks_are_not_run_again(two_ranks: Any, own: list[str], tmp_path: Path) -> None:
    plain = sums()
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0) as session:
        watched = sums()
    assert session.failure is None
    assert watched == plain
    assert own == []
    assert len(plain) == 3 * STEPS
    assert not Run.open(tmp_path).facts(facts.Unread)


def test_what_is_not_seen_is_said(two_ranks: Any, tmp_path: Path) -> None:
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        train(all_spread, two_ranks)
    run = Run.open(tmp_path)
    said = " ".join(event.what for event in run.facts(facts.Event) if event.blinds)
    assert "statistics of activations and inputs are of the part that rank 0 holds" in said
    assert "the loss is a sum whose summands are on several processes" in said
    assert run.series(signals.LOSS) is None or not len(run.series(signals.LOSS))
    assert "up" in run.table(signals.ACTIVATION_MEAN).names, "its part is measured"
