"""Watching changes nothing: programs of every kind do the same, to the bit, with and without it.

A program is any public function in a file of ``programs/``. It returns what it wants compared: tensors, numbers,
modules, lists of what its hooks saw. To add one, write one function. The marks ``parametrize`` and ``slow`` mean what
they always mean.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import itertools
import random
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils.data import DataLoader, TensorDataset

from unstuck.observe import Session
from unstuck.observe.autograd.extra_pass import CHECKPOINTS
from unstuck.record import Run, RunWriter
from unstuck.record.facts import Unread

Program = Callable[[], Any]
FOLDER = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Outcome:
    """All that a program shows of itself."""

    returned: Any
    error: str | None
    warned: list[str]
    settings: dict[str, Any]


def outcome(program: Program) -> Outcome:
    """Run a program with fresh generators, and describe what came of it."""
    torch.set_grad_enabled(True)
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    returned, error = None, None
    torch.set_warn_always(True)  # what PyTorch warns of once in a process would else depend on the order of the tests
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                returned = described(program())
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised} <- {raised.__cause__!r}"
        warned = [f"{one.filename}:{one.lineno}: {one.category.__name__}: {one.message}" for one in caught]
        return Outcome(returned, error, warned, settings())
    finally:
        torch.set_warn_always(False)


def settings() -> dict[str, Any]:
    """What a program may leave changed for what comes after it."""
    return {
        "torch generator": torch.get_rng_state().tolist(),
        "python generator": random.getstate(),
        "numpy generator": str(np.random.get_state()),
        "gradients": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "function modes": [type(mode).__name__ for mode in _get_current_function_mode_stack() if not ours(mode)],
        "dispatch modes": torch._C._len_torch_dispatch_stack(),
        "anomaly": torch.is_anomaly_enabled(),
    }


def ours(mode: Any) -> bool:
    """Whether a mode is the observer's: it may stand between those of the program, which must not find it out."""
    return type(mode).__module__.startswith("unstuck.")


def described(value: Any) -> Any:
    """A value in plain objects that are equal where the values are the same, to the bit."""
    if isinstance(value, Tensor):
        return described_tensor(value)
    if isinstance(value, nn.Module):
        states = itertools.chain(value.named_parameters(), value.named_buffers())
        return {
            name: (described(tensor), described(tensor.grad if tensor.is_leaf else None)) for name, tensor in states
        }
    if isinstance(value, torch.optim.Optimizer):
        return type(value).__name__, described(value.state_dict())
    if isinstance(value, Mapping):
        return {key: described(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return type(value).__name__, [described(entry) for entry in value]
    if isinstance(value, float):
        return value.hex()
    if value is None or isinstance(value, str | bytes | int | complex | torch.dtype | torch.Size | type):
        return value
    return type(value).__name__


def described_tensor(tensor: Tensor) -> Any:
    """A tensor's kind, and its values as text that is exact."""
    kind = (type(tensor).__name__, str(tensor.dtype), str(tensor.device), str(tensor.layout), tensor.requires_grad)
    kind = (*kind, tensor.is_leaf, type(tensor.grad_fn).__name__)
    with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
        plain = tensor.detach()
        if plain.is_meta or isinstance(tensor, nn.parameter.UninitializedTensorMixin):
            return kind
        if plain.is_nested:
            return kind, [described_tensor(part) for part in plain.unbind()]
        if plain.is_sparse:
            return kind, plain._indices().tolist(), repr(plain._values().tolist()), tuple(plain.shape)
        if plain.is_quantized:
            return kind, plain.int_repr().tolist(), plain.q_scale()
        return kind, tuple(plain.shape), repr(plain.tolist())


# The programs.


def cases(function: types.FunctionType) -> Iterator[Any]:
    """A program by each combination of its marked parameters."""
    marks = list(getattr(function, "pytestmark", ()))
    axes = []
    for mark in (mark for mark in marks if mark.name == "parametrize"):
        names = [name.strip() for name in mark.args[0].split(",")]
        rows = [row if len(names) > 1 else (row,) for row in mark.args[1]]
        axes.append([dict(zip(names, row, strict=True)) for row in rows])
    others = [pytest.mark.slow for mark in marks if mark.name == "slow"]
    for combination in itertools.product(*axes):
        arguments = {name: value for row in combination for name, value in row.items()}
        labels = [value.__name__ if hasattr(value, "__name__") else str(value) for value in arguments.values()]
        label = "-".join([function.__module__, function.__name__, *labels])
        yield pytest.param(partial(function, **arguments), id=label, marks=others)


def programs() -> Iterator[Any]:
    """All programs of the folder."""
    for path in sorted(FOLDER.glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, function in list(vars(module).items()):
            if inspect.isfunction(function) and function.__module__ == path.stem and not name.startswith("_"):
                yield from cases(function)


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    """Take back what a program or a failure has left changed, for the tests that follow."""
    yield
    torch.set_grad_enabled(True)
    while torch._C._len_torch_function_stack():
        torch._C._pop_torch_function_stack()


@pytest.mark.parametrize("program", list(programs()))
def test_watching_changes_nothing(program: Program, tmp_path: Path) -> None:
    outcome(program)  # what happens at a first call alone, such as an import that warns, is over
    plain = outcome(program)
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0) as session:
        watched = outcome(program)
    after = outcome(program)
    with Run.open(tmp_path) as run:
        unread = [fact for stream in run.streams() for fact in stream.facts(Unread)]
    assert not [fact for fact in unread if fact.error != CHECKPOINTS]
    assert watched.error == plain.error
    assert watched.warned == plain.warned
    assert watched.returned == plain.returned
    assert watched.settings == plain.settings
    assert session.failure is None
    assert after == plain, "nothing stays when nobody watches any more"


# Watching that begins late, or ends early.


def a_training() -> Iterator[Any]:
    """Steps of a training with all that is usual, each of which shows its state."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.2), nn.Linear(4, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=40)
    loader = DataLoader(TensorDataset(torch.randn(12, 3), torch.randint(2, (12,))), batch_size=4, shuffle=True)
    for _ in range(4):
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model.train()(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            yield described((loss.detach(), model, optimizer, schedule.get_last_lr()))
        model.eval()
        with torch.no_grad():
            yield described([model(x).argmax(1) == y for x, y in loader])


@pytest.mark.parametrize("begin", [0, 1, 5])
@pytest.mark.parametrize("end", [2, 7, 100])
def test_watching_may_begin_and_end_at_any_step(begin: int, end: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = list(a_training())
    torch.manual_seed(0)
    seen: list[Any] = []
    with contextlib.ExitStack() as stack:
        for step, state in enumerate(a_training()):
            seen.append(state)
            if step == begin:
                session = stack.enter_context(Session(stack.enter_context(RunWriter(tmp_path)), budget=1.0))
            if step == begin + end:
                stack.close()
                assert session.failure is None
    assert seen == plain


WITHIN_REACH: tuple[Any, ...] = (
    *(torch, torch.autograd, torch.autograd.graph, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler),
    *(torch.optim.lr_scheduler.ReduceLROnPlateau, torch.amp.GradScaler, DataLoader, nn.Module, nn.modules.module),
    *(torch.inference_mode, torch.set_grad_enabled, torch.no_grad, Tensor, warnings, torch.utils.checkpoint),
)
"""Modules and classes in which an observer might replace something."""


def test_everything_is_put_back(tmp_path: Path) -> None:
    before = [{name: id(value) for name, value in vars(owner).items()} for owner in WITHIN_REACH]
    with RunWriter(tmp_path) as writer, Session(writer, budget=1.0):
        for _ in a_training():
            pass
    after = [{name: id(value) for name, value in vars(owner).items()} for owner in WITHIN_REACH]
    for owner, old, new in zip(WITHIN_REACH, before, after, strict=True):
        changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
        assert changed <= {"__warningregistry__"}, owner
