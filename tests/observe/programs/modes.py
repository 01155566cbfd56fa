"""Modes, profilers and counters see the operations of the program, and no others; settings of the process hold."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.module_tracker import ModuleTracker


class _Operations(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


class _Functions(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.dropout(torch.relu(self.norm(self.first(x))), 0.2, self.training))


def _steps(count: int = 3, around: Callable[[], Any] = contextlib.nullcontext) -> Iterator[tuple[Any, nn.Module]]:
    model = _Block()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(count):
        with around() as mode:
            optimizer.zero_grad()
            nn.functional.mse_loss(model(torch.randn(5, 3)), torch.zeros(5, 2)).backward()
            optimizer.step()
        yield mode, model
    model.eval()
    with torch.no_grad():
        nn.functional.mse_loss(model(torch.randn(5, 3)), torch.zeros(5, 2)).item()


@pytest.mark.parametrize("kind", [_Operations, _Functions])
@pytest.mark.parametrize("when", ["each step", "all along", "forward only"])
def see_the_program_alone(kind: type[Any], when: str):
    if when == "each step":
        return [mode.seen for mode, _ in _steps(around=kind)]
    if when == "all along":
        with kind() as mode:
            list(_steps())
        return mode.seen
    model, seen = _Block(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        with kind() as mode:
            loss = model(torch.randn(5, 3)).square().mean()
        loss.backward()
        optimizer.step()
        seen.append(mode.seen)
    return seen


def a_mode_entered_in_one_step_and_left_in_another():
    model, mode = _Block(), _Functions()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(6):
        if step == 2:
            mode.__enter__()
        optimizer.zero_grad()
        model(torch.randn(5, 3)).square().mean().backward()
        optimizer.step()
        if step == 4:
            mode.__exit__(None, None, None)
    return mode.seen, model


def stacks_of_modes():
    """The modes of the program, in their order, while it runs and after it has left them."""

    def depths() -> list[Any]:
        stack = [type(mode).__name__ for mode in _get_current_function_mode_stack()]
        own = ("_Functions", "DeviceContext")
        return [[name for name in stack if name in own], torch._C._len_torch_dispatch_stack()]

    seen, outer = [], _Functions()
    outer.__enter__()
    for _, _ in _steps(2):
        seen.append(depths())
    with torch.device("cpu"), _Functions():
        for _, _ in _steps(2):
            seen.append(depths())
    outer.__exit__(None, None, None)
    return seen, depths(), outer.seen


def a_mode_left_while_the_training_goes_on():
    """What leaves the stack of modes is the mode of the program that entered it."""
    seen, outer = [], _Functions()
    with outer:
        model = _Block()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            model(torch.randn(5, 3)).square().mean().backward()
            optimizer.step()
    for _ in range(3):
        seen.append([type(mode).__name__ for mode in _get_current_function_mode_stack() if type(mode) is _Functions])
        model(torch.randn(5, 3)).square().mean().backward()
        optimizer.step()
    return seen, len(outer.seen), model


def flops():
    return [mode.get_flop_counts() for mode, _ in _steps(around=lambda: FlopCounterMode(display=False))]


def modules_by_name():
    seen = []

    class Named(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append((str(func), sorted(tracker.parents), tracker.is_bw))
            return func(*args, **(kwargs or {}))

    tracker = ModuleTracker()
    with tracker, Named():
        list(_steps())
    return seen


@pytest.mark.parametrize("shapes", [False, True])
def profiles(shapes: bool):
    def around() -> Any:
        return torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=shapes)

    counted = []
    for mode, _ in _steps(around=around):
        events = [(e.name, str(e.input_shapes)) for e in mode.events() if e.name.startswith(("aten::", "Optimizer"))]
        counted.append(sorted(events))
    return counted


def a_profile_with_a_schedule():
    counts = []
    schedule = torch.profiler.schedule(wait=1, warmup=1, active=2)
    ready = lambda p: counts.append(sorted((e.key, e.count) for e in p.key_averages() if e.key[:6] == "aten::"))
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, schedule=schedule, on_trace_ready=ready) as profiler:
        for _ in _steps(6):
            profiler.step()
    return counts


@contextlib.contextmanager
def _default(setting: Callable[[Any], None], value: Any, before: Any) -> Iterator[None]:
    setting(value)
    try:
        yield
    finally:
        setting(before)


def default_device_meta():
    with torch.device("meta"):
        meta = [described for _, described in _steps()]
    with _default(torch.set_default_device, "meta", None):
        return meta, [model for _, model in _steps()]


def default_dtype_double():
    with _default(torch.set_default_dtype, torch.float64, torch.float32):
        return [model for _, model in _steps()][-1]


def deterministic_algorithms():
    with _default(torch.use_deterministic_algorithms, True, False):
        model = nn.Embedding(4, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            model(torch.tensor([0, 1, 1, 3])).square().sum().backward()
            optimizer.step()
        return model


def gradients_off_and_on():
    shown, model = [], _Block()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(5):
        shown.append(torch.is_grad_enabled())
        model(torch.randn(4, 3)).mean().backward()
        optimizer.step()
        with torch.set_grad_enabled(step % 2 == 0):
            shown.append((torch.is_grad_enabled(), model(torch.randn(4, 3)).requires_grad))
        with torch.inference_mode():
            output = model(torch.randn(4, 3))
            shown.append((output.is_inference(), torch.is_inference_mode_enabled()))
        with torch.inference_mode(mode=False):
            shown.append(torch.is_inference_mode_enabled())

        @torch.no_grad()
        def decorated(mode: int = 3) -> bool:
            return torch.is_grad_enabled()

        shown.append((decorated(), decorated.__name__))
        torch.set_grad_enabled(False)
        shown.append(torch.is_grad_enabled())
        torch.set_grad_enabled(mode=True)
    return shown, model


def all_without_gradients():
    with torch.no_grad():
        model = _Block()
        outputs = [model(torch.randn(4, 3)) for _ in range(3)]
    with torch.inference_mode():
        inner = nn.Linear(3, 2)
        outputs.append(inner(torch.randn(4, 3)))
        with torch.inference_mode(False), torch.enable_grad():
            loss = nn.Linear(3, 2)(torch.ones(4, 3)).sum()
            loss.backward()
    return outputs, model


def autocast_and_scaler():
    model = _Block()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler, shown = torch.amp.GradScaler("cpu", init_scale=256.0, growth_interval=2), []
    for step in range(6):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = model(torch.randn(5, 3))
            loss = nn.functional.mse_loss(output.float(), torch.zeros(5, 2))
        shown.append((output.dtype, torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled()))
        scaled = scaler.scale([loss, loss * 2]) if step % 2 else scaler.scale(outputs=loss)
        torch.autograd.backward(scaled) if step % 2 else scaled.backward()
        if step == 3:
            model.first.weight.grad.fill_(torch.inf)
        scaler.unscale_(optimizer)
        shown.append(scaler.step(optimizer))
        scaler.update()
    return shown, scaler.state_dict(), model


def a_scaler_of_ones_own():
    class Halved(torch.amp.GradScaler):
        def scale(self, outputs: Any, factor: float = 0.5) -> Any:
            return super().scale(outputs) * factor

    scaler, weight = Halved("cpu", init_scale=4.0), nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        scaler.scale(weight.square().sum(), factor=0.25).backward()
        scaler.step(optimizer)
        scaler.update()
    return weight, scaler.get_scale()


def warnings_and_their_places():
    import warnings

    model = _Block()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    schedule.step()
    caught = []
    for _ in range(3):
        output = model(torch.randn(5, 3))
        nn.functional.mse_loss(output, torch.zeros(5, 1)).backward()
        warnings.warn("of the program", stacklevel=1)
        warnings.warn("of its caller", DeprecationWarning, stacklevel=2)
        with warnings.catch_warnings(record=True) as inner:
            warnings.simplefilter("always")
            nn.functional.softmax(output)
            nn.functional.l1_loss(output, torch.zeros(5, 1))
        caught += [(str(w.message), w.filename, w.lineno, w.category.__name__) for w in inner]
        optimizer.step()
        schedule.step(1)
    return caught


def warnings_that_are_errors():
    import warnings

    model = _Block()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(torch.randn(5, 3)), torch.zeros(5, dtype=torch.long)).backward()
            optimizer.step()
        nn.functional.mse_loss(model(torch.randn(5, 3)), torch.zeros(5, 1))
