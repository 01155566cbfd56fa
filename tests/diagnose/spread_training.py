"""A training of several processes, of one kind or of several in turn: python spread_training.py KINDS [bfloat16].

Each process prints its losses, and the collective calls that it has made. Watched and not, it must print the same.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    SequenceParallel,
    loss_parallel,
    parallelize_module,
)
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

STEPS, BATCH, WIDTH, CLASSES = 24, 32, 64, 12


class Net(nn.Module):
    """Rows of numbers to classes."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.down(F.relu(self.up(x)))))


class Collectives(TorchDispatchMode):
    """Write down the collective calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(kind.__name__ in ("DTensor", "AsyncCollectiveTensor") for kind in types):
            return NotImplemented  # they call others in turn
        if func.namespace in ("c10d", "_c10d_functional", "c10d_functional") and "wait" not in str(func):
            self.calls.append(str(func))
        return func(*args, **(kwargs or {}))


def spread(model: nn.Module, kind: str, dtype: torch.dtype) -> nn.Module:
    """Spread a model over the processes."""
    world = dist.get_world_size()
    if kind == "ddp":
        return nn.parallel.DistributedDataParallel(model)
    if kind == "fsdp1":
        from torch.distributed.fsdp import FullyShardedDataParallel

        return FullyShardedDataParallel(model, device_id=torch.device("cpu"), use_orig_params=True)
    if kind in ("fsdp2", "hsdp", "tp_fsdp2"):
        from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

        flat = init_device_mesh("cpu", (world,))
        policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
        if kind == "hsdp":
            flat = init_device_mesh("cpu", (2, world // 2), mesh_dim_names=("copies", "shards"))
        if kind == "tp_fsdp2":
            both = init_device_mesh("cpu", (2, world // 2), mesh_dim_names=("data", "tensor"))
            parallelize_module(model, both["tensor"], {"up": ColwiseParallel(), "down": RowwiseParallel()})
            flat = both["data"]
        for part in (model.up, model.down, model.head, model):
            fully_shard(part, mesh=flat, mp_policy=policy)
        return model
    plan: dict[str, Any] = {"up": ColwiseParallel(), "down": RowwiseParallel()}
    if kind == "tp_loss":
        plan["head"] = ColwiseParallel(output_layouts=Shard(-1), use_local_output=False)
    if kind == "sequence":
        plan["down"] = RowwiseParallel(output_layouts=Shard(0))
        plan["norm"] = SequenceParallel(sequence_dim=0, use_local_output=False)
        plan["head"] = ColwiseParallel(input_layouts=Shard(0), output_layouts=Replicate(), use_local_output=False)
    return parallelize_module(model, init_device_mesh("cpu", (world,)), plan)


def data_rank(kind: str) -> tuple[int, int]:
    """Which part of each batch is this process's, and of how many."""
    rank, world = dist.get_rank(), dist.get_world_size()
    if kind in ("ddp", "fsdp1", "fsdp2", "hsdp"):
        return rank, world
    return (rank // (world // 2), 2) if kind == "tp_fsdp2" else (0, 1)


def train(kind: str, dtype: torch.dtype, say: Callable[[str], None]) -> None:
    """Train, clip, accumulate, evaluate and save."""
    torch.manual_seed(0)
    model: nn.Module = Net()
    part, parts = (0, 1) if kind == "alone" else data_rank(kind)
    if dtype is not torch.float32 and kind not in ("fsdp2", "hsdp", "tp_fsdp2"):
        model.to(dtype)
    if kind != "alone":
        model = spread(model, kind, dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    x, y = torch.randn(STEPS, 2, BATCH, WIDTH).to(dtype), torch.randint(CLASSES, (STEPS, 2, BATCH))
    rows = slice(part * BATCH // parts, (part + 1) * BATCH // parts)
    for step in range(STEPS):
        optimizer.zero_grad()
        for inputs, targets in zip(x[step, :, rows], y[step, :, rows], strict=True):
            loss = loss_of(kind, model, inputs, targets) / 2
            with loss_parallel() if kind == "tp_loss" else torch.enable_grad():
                loss.backward()
            number = loss.full_tensor() if hasattr(loss, "full_tensor") else loss
            say(f"loss {number.item():.6f}")
        for norm in clip(kind, model):
            say(f"norm {norm:.4f}")
        optimizer.step()
        if step % 8 == 7:
            model.eval()
            with torch.no_grad():
                output = model(x[0, 0, rows])
                output = output.full_tensor() if hasattr(output, "full_tensor") else output
                say(f"accuracy {(output.argmax(1) == y[0, 0, rows]).float().mean().item():.4f}")
                say(f"evaluation {F.cross_entropy(output.float(), y[0, 0, rows]).item():.4f}")
            model.train()
            if kind != "fsdp1":
                say(f"state {len(model.state_dict())} {len(optimizer.state_dict()['state'])}")


def clip(kind: str, model: Any) -> list[float]:
    """Clip the gradients, those together that are spread alike, and return their norms."""
    if kind == "fsdp1":
        return [model.clip_grad_norm_(10.0).item()]
    groups: dict[Any, list[nn.Parameter]] = {}
    for parameter in model.parameters():
        groups.setdefault(getattr(parameter, "device_mesh", None), []).append(parameter)
    norms: list[Any] = [nn.utils.clip_grad_norm_(group, 10.0) for group in groups.values()]
    return [(norm.full_tensor() if hasattr(norm, "full_tensor") else norm).item() for norm in norms]


def loss_of(kind: str, model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """The loss; over logits that are spread, it is spread itself."""
    output = model(inputs)
    if kind == "tp_loss":
        with loss_parallel():
            return F.cross_entropy(output, targets)
    if kind == "sequence":
        mesh = output.device_mesh
        return F.cross_entropy(output, distribute_tensor(targets, mesh, [Replicate()]))
    return F.cross_entropy(output, targets)


def main(kinds: str, precision: str = "float32") -> None:
    """Train each kind."""
    faulthandler.dump_traceback_later(float(os.environ.get("SECONDS_UNTIL_HUNG", "100")), exit=True)
    rank = int(os.environ.get("RANK", "0"))

    def say(what: str) -> None:
        sys.stdout.write(f"{rank} {what}\n")

    if kinds != "alone":
        dist.init_process_group("gloo")
    for kind in kinds.split(","):
        with Collectives() as collectives:
            train(kind, getattr(torch, precision), say)
        for call in collectives.calls:
            say(f"{kind} called {call}")
    if kinds != "alone":
        say(f"made {dist.group.WORLD._get_sequence_number_for_group()} calls in all")
        dist.destroy_process_group()
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(*sys.argv[1:])
