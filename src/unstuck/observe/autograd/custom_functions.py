"""Hold hand-written backward passes against central differences, aside from the training.

A ``torch.autograd.Function`` of the user that is met in the graph of a loss is overheard once: a copy is kept of the
arguments of its next call. Before the backward pass that follows, the function is run again on that copy in float64,
its gradient is compared with central differences along fixed directions, and every random state is put back. With
several processes nothing is run again: the function may make collective calls, as those of tensor parallelism do.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import random
import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstuck.observe.tensors.distributed import alone
from unstuck.observe.user_code.frames import is_users
from unstuck.record.facts import CustomFunction

__all__ = ["CustomFunctions", "check", "described"]

Function = type[torch.autograd.Function]

MOST_VALUES = 1_000_000
"""Values of the arguments above which a function is not checked: it would cost the training too much."""

MOST_HEARD = 8
"""Calls that are waited for one whose arguments all ask for gradients; the data of a first layer do not."""

MOST_FUNCTIONS = 16
DIRECTIONS = 3
ENTRIES = 24
"""Single entries that are looked at where a direction disagrees, to tell a fault from a step of the forward pass."""

STEP = 1e-5
"""Step of the central differences in units of the argument's size (CS231n, "Gradient checks")."""

AGREEMENT = 1e-2
"""Relative error below which two derivatives agree (CS231n: above 1e-2 the gradient is probably wrong)."""

VANISHING = 1e-6
"""Share of the analytic derivative below which the numerical one is zero."""


def described(function: Function) -> CustomFunction:
    """A function by its name, and where its backward pass is defined."""
    try:
        code = inspect.unwrap(function.backward).__code__
    except AttributeError:
        return CustomFunction(name=function.__name__)
    return CustomFunction(name=function.__name__, file=code.co_filename, line=code.co_firstlineno)


@dataclass
class CustomFunctions:
    """Overhear a call of each of the user's functions, one that asks for all its gradients, and check it.

    What is known of each is kept by its class.
    """

    _known: dict[Function, CustomFunction] = field(default_factory=dict[Function, CustomFunction])
    _restore: dict[Function, Callable[[], None]] = field(default_factory=dict[Function, Callable[[], None]])
    _calls: list[tuple[Function, tuple[Any, ...]]] = field(default_factory=list[tuple[Function, tuple[Any, ...]]])

    @property
    def overheard(self) -> bool:
        """Whether there are calls to check."""
        return bool(self._calls)

    def meet(self, functions: Sequence[Function]) -> tuple[CustomFunction, ...]:
        """What is known of the functions of a graph; one that is new will be overheard at its next call."""
        for function in functions:
            if function not in self._known and len(self._known) < MOST_FUNCTIONS:
                fact = self._known[function] = described(function)
                if fact.file is not None and is_users(fact.file) and alone():
                    self._overhear(function)
        return tuple(self._known.get(function) or described(function) for function in functions)

    def checked(self) -> tuple[CustomFunction, ...]:
        """Check the calls that were overheard since the last time; what has become known."""
        calls, self._calls = self._calls if alone() else [], []
        for function, arguments in calls:
            self._known[function] = check(function, arguments)
        return tuple(self._known[function] for function, _ in calls)

    def release(self) -> None:
        """Stop overhearing."""
        for restore in tuple(self._restore.values()):
            restore()

    def _overhear(self, function: Function) -> None:
        own = inspect.getattr_static(function, "forward") if "forward" in vars(function) else None
        forward = function.forward
        leading = 0 if function.setup_context is not torch.autograd.Function.setup_context else 1

        def restore() -> None:
            self._restore.pop(function, None)
            if own is None:
                del function.forward
            else:
                function.forward = own

        heard, best = 0, -1

        @functools.wraps(forward)
        def overheard(*args: Any, **kwargs: Any) -> Any:
            nonlocal heard, best
            heard += 1
            values = [a for a in args[leading:] if isinstance(a, Tensor) and a.is_floating_point()]
            asked = sum(value.requires_grad for value in values)
            if asked == len(values) or heard >= MOST_HEARD:
                restore()
            if asked > best and not kwargs and not torch.compiler.is_compiling():
                copied = _copied(args[leading:])
                if copied is not None:
                    best = asked
                    self._calls = [(f, a) for f, a in self._calls if f is not function] + [(function, copied)]
            return forward(*args, **kwargs)

        self._restore[function] = restore
        function.forward = staticmethod(overheard)


def _copied(arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """A copy of a call's arguments; None where they are too many values, or may hold a state that must not change."""
    if torch._C._functorch.peek_interpreter_stack() is not None:  # pyright: ignore
        return None
    copies: list[Any] = []
    values = 0
    for argument in arguments:
        if isinstance(argument, Tensor):
            values += argument.numel()
            if values > MOST_VALUES or type(argument) not in (Tensor, torch.nn.Parameter):
                return None
            copies.append(argument.detach().clone().requires_grad_(argument.requires_grad))
        elif _is_plain(argument):
            copies.append(argument)
        else:
            return None
    return tuple(copies)


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_plain(entry) for entry in value)
    return value is None or isinstance(value, int | float | str | torch.dtype | torch.device | torch.Size)


def check(function: Function, arguments: tuple[Any, ...]) -> CustomFunction:
    r"""Compare a function's backward pass with central differences.

    .. math::
        \langle \nabla s, v \rangle \approx \frac{s(x + h v) - s(x - h v)}{2 h},
        \quad s(x) = \langle u, f(x) \rangle

    Args:
        function: The function; nothing that it draws at random, prints or warns of is left behind.
        arguments: Arguments of its forward pass; derivatives are taken by those that require gradients.

    Returns:
        The fact, with the largest relative error over the arguments; without one where it cannot run in float64, is
        not deterministic, or is not smooth where it was called.
    """
    fact = described(function)
    try:
        with _aside(arguments) as again:
            return _compare(_Call(function, arguments, again), fact)
    except Exception:  # the function is someone's, and was not written for float64
        return fact


@contextlib.contextmanager
def _aside(arguments: tuple[Any, ...]) -> Generator[Callable[[], None]]:
    """Run with nothing printed and no random state changed; gives a function that puts the states back."""
    devices = {a.device for a in arguments if isinstance(a, Tensor) and a.device.type == "cuda"}
    states = {device: torch.cuda.get_rng_state(device) for device in devices}
    state, plain, old = torch.get_rng_state(), random.getstate(), np.random.get_state()

    def again() -> None:
        torch.set_rng_state(state)
        random.setstate(plain)
        np.random.set_state(old)
        for device, known in states.items():
            torch.cuda.set_rng_state(known, device)

    kind = next((a.device.type for a in arguments if isinstance(a, Tensor)), "cpu")
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
            torch.autocast(kind, enabled=False),
        ):
            warnings.simplefilter("ignore")
            yield again
    finally:
        again()


class _Call:
    """A function of float64 arguments, reduced to one number by fixed weights on its outputs."""

    def __init__(self, function: Function, arguments: tuple[Any, ...], again: Callable[[], None]) -> None:
        self._function = function
        self._arguments = [_wide(argument) for argument in arguments]
        self._again = again
        self.inputs = [
            i for i, a in enumerate(arguments) if isinstance(a, Tensor) and a.requires_grad and a.is_floating_point()
        ]
        self._generator = torch.Generator().manual_seed(0)
        self._weights: list[Tensor] = []
        with torch.no_grad():
            self.outputs = self.run({})
        self._weights = [self.draw(output) for output in self.outputs]

    def draw(self, like: Tensor) -> Tensor:
        """Normal values of the shape of a tensor."""
        return torch.randn(like.shape, generator=self._generator, dtype=torch.float64).to(like.device)

    def argument(self, position: int) -> Tensor:
        """One argument in float64."""
        return self._arguments[position].detach()

    def run(self, replaced: dict[int, Tensor]) -> list[Tensor]:
        """The floating-point outputs; arguments are copied, for the function may change them in place."""
        self._again()
        arguments = [
            replaced[i] if i in replaced else a.detach().clone() if isinstance(a, Tensor) else a
            for i, a in enumerate(self._arguments)
        ]
        result = self._function.apply(*arguments)
        results = result if isinstance(result, tuple | list) else (result,)
        return [r for r in results if isinstance(r, Tensor) and r.is_floating_point()]

    def number(self, outputs: list[Tensor]) -> Tensor:
        """The weighted sum of the outputs."""
        return torch.stack([(w * o).sum() for w, o in zip(self._weights, outputs, strict=True)]).sum()

    def gradients(self) -> list[Tensor]:
        """What the backward pass says, for each input; zero where it says None."""
        leaves = {i: self.argument(i).clone().requires_grad_() for i in self.inputs}
        with torch.enable_grad():
            number = self.number(self.run({i: leaf.clone() for i, leaf in leaves.items()}))
        return list(torch.autograd.grad(number, list(leaves.values()), materialize_grads=True))

    @torch.no_grad()
    def slope(self, position: int, direction: Tensor, *, shrink: float = 1.0) -> float:
        """The central difference along a direction."""
        x = self.argument(position)
        size = float(x.square().mean().sqrt())
        h = shrink * STEP * max(size, 1e-3)
        above = self.number(self.run({position: x + h * direction}))
        below = self.number(self.run({position: x - h * direction}))
        return float((above - below) / (2 * h))


def _wide(argument: Any) -> Any:
    return argument.detach().double() if isinstance(argument, Tensor) and argument.is_floating_point() else argument


def _compare(call: _Call, fact: CustomFunction) -> CustomFunction:
    if not call.inputs or not call.outputs or any(output.dtype != torch.float64 for output in call.outputs):
        return fact
    with torch.no_grad():
        repeated = call.run({})
    if not all(torch.equal(a, b) for a, b in zip(call.outputs, repeated, strict=True)):
        return fact
    first = call.argument(call.inputs[0])
    if call.outputs[0].shape == first.shape and torch.equal(call.outputs[0], first):
        return replace(fact, identity=True)
    worst = 0.0
    for position, gradient in zip(call.inputs, call.gradients(), strict=True):
        error = _error(call, position, gradient)
        if error is None:
            return replace(fact, numerical_zero=True)
        worst = max(worst, error)
    return replace(fact, relative_error=worst)


def _error(call: _Call, position: int, gradient: Tensor) -> float | None:
    """Relative error along directions; None where the forward pass is a step function, or not smooth."""
    directions = [call.draw(gradient) for _ in range(DIRECTIONS)]
    analytic = torch.tensor([float((gradient * v).sum()) for v in directions], dtype=torch.float64)
    slopes = torch.tensor([call.slope(position, v) for v in directions], dtype=torch.float64)
    error = _relative(analytic, slopes)
    if error < AGREEMENT:
        return error
    finer = torch.tensor([call.slope(position, v, shrink=0.1) for v in directions], dtype=torch.float64)
    error = min(error, _relative(analytic, finer))
    if error < AGREEMENT:
        return error
    if _relative(slopes, finer) > 0.1 * error or float(finer.norm()) < VANISHING * float(analytic.norm()):
        return None
    return None if _steps(call, position, gradient) else error


def _steps(call: _Call, position: int, gradient: Tensor) -> bool:
    """Whether the two agree wherever the forward pass has a slope at all, as of a clamp that lets gradients through."""
    flat = gradient.reshape(-1)
    chosen = torch.randperm(flat.numel(), generator=call._generator)[:ENTRIES]  # pyright: ignore[reportPrivateUsage]
    stepped = 0
    analytic: list[float] = []
    numeric: list[float] = []
    scale = float(flat.abs().amax())
    for entry in chosen.tolist():
        direction = torch.zeros_like(flat)
        direction[entry] = 1.0
        slope, value = call.slope(position, direction.reshape(gradient.shape)), float(flat[entry])
        if abs(slope) < VANISHING * scale and abs(value) > 1e-3 * scale:
            stepped += 1
            continue
        numeric.append(slope)
        analytic.append(value)
    agree = not numeric or _relative(torch.tensor(analytic), torch.tensor(numeric)) < AGREEMENT
    return stepped > 0 and agree


def _relative(a: Tensor, b: Tensor) -> float:
    """|a - b| / max(|a|, |b|); 0 where both vanish."""
    size = max(float(a.norm()), float(b.norm()))
    return float((a - b).norm()) / size if size > 1e-12 else 0.0
