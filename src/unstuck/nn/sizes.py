"""Whether the layers of a model fit each other and its inputs: one pass, before training."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.lazy import LazyModuleMixin

from unstuck.errors import ArgumentError
from unstuck.nn.window import Window, windows

__all__ = ["check_sizes", "looking"]


def check_sizes(model: nn.Module, inputs: Tensor) -> tuple[str, ...]:
    """Run a model once and say which layer does not fit what it gets, or leaves pixels out.

    The model runs in evaluation mode, without gradients; its parameters, buffers, modes and the random state are
    afterwards as before.

    Args:
        model: Any module that takes one tensor.
        inputs: A batch, of one example or more.

    Returns:
        A warning for each layer whose stride leaves entries at the end of its input out, with their number; not where
            the stride is wider than the kernel, which skips entries on purpose, as the way past a residual block does.

    Raises:
        ArgumentError: A layer needs another size than it gets, a kernel is larger than its padded input, or the
            forward pass fails otherwise: the message names the layer, what it got, what it needs, and what to do.

    Examples:
        >>> check_sizes(nn.Sequential(nn.Conv2d(1, 4, 2, stride=2)), torch.zeros(1, 1, 7, 7))
        ('layer 0 (Conv2d): its stride of 2 leaves out 1 of 7 rows and 1 of 7 columns; ...',)
        >>> check_sizes(nn.Sequential(nn.Linear(4, 3), nn.Linear(5, 2)), torch.zeros(1, 4))
        Traceback (most recent call last):
            ...
        unstuck.errors.ArgumentError: layer 1 (Linear): got inputs of shape (1, 3), whose last size is 3; it needs 5: \
set in_features=3, or give the layer before it 5 outputs
    """
    warnings: list[str] = []

    def before(name: str, module: nn.Module, given: Tensor) -> None:
        require_fit(name, module, given)
        warnings.extend(_left_out(name, module, given))

    with looking(model, before):
        model(inputs)
    return tuple(dict.fromkeys(warnings))


@contextmanager
def looking(model: nn.Module, before: Callable[[str, nn.Module, Tensor], None]) -> Generator[None]:
    """Call ``before`` with name, module and first input ahead of each module; leave the model as it was.

    Raises:
        ArgumentError: The forward pass fails; the message names the innermost module that it failed in.
    """
    modes = [(module, module.training) for module in model.modules()]
    inside: list[tuple[str, nn.Module, tuple[Any, ...]]] = []
    with ExitStack() as hooks:
        for name, module in model.named_modules():

            def enter(module: nn.Module, given: tuple[Any, ...], name: str = name) -> None:
                inside.append((name, module, given))
                if given and isinstance(given[0], Tensor):
                    before(name, module, given[0])

            def leave(module: nn.Module, given: tuple[Any, ...], output: object) -> None:
                inside.pop()

            hooks.callback(module.register_forward_pre_hook(enter).remove)
            hooks.callback(module.register_forward_hook(leave).remove)
        try:
            model.eval()
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                yield
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            if isinstance(error, ArgumentError) and str(error).startswith("layer "):
                raise
            name, module, given = inside[-1] if inside else ("", model, ())
            shapes = [str(tuple(value.shape)) for value in given if isinstance(value, Tensor)]
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ArgumentError(
                f"{_called(name, module)}: got inputs of shape {', '.join(shapes) or 'unknown'} and failed: {reason}; "
                "change its sizes, or those of the layer before it"
            ) from error
        finally:
            for module, training in modes:
                module.training = training


def require_fit(name: str, module: nn.Module, given: Tensor) -> None:
    """Refuse an input of another size than the layer needs.

    Raises:
        ArgumentError: With the layer, the size that it got and the size that it needs.
    """
    if isinstance(module, LazyModuleMixin):
        return  # it takes what it gets
    shape = tuple(given.shape)
    if isinstance(module, nn.Linear):
        _require(name, module, shape, axis=-1, needed=module.in_features, argument="in_features")
    elif isinstance(module, _ConvNd):
        spatial = len(module.kernel_size)
        if len(shape) not in (spatial + 1, spatial + 2):
            wanted = ", ".join(["N", str(module.in_channels), *("HWD"[:spatial])])
            raise ArgumentError(
                f"{_called(name, module)}: got inputs of shape {shape}; it needs ({wanted}): unflatten them, or take "
                "a linear layer"
            )
        _require(name, module, shape, axis=-spatial - 1, needed=module.in_channels, argument="in_channels")
    elif isinstance(module, _BatchNorm) and len(shape) > 1:
        _require(name, module, shape, axis=1, needed=module.num_features, argument="num_features")
    if not isinstance(module, _ConvTransposeNd):
        for window, size in _along(module, shape):
            if window.output(size) < 1:
                room = size + int(2 * window.padding)
                raise ArgumentError(
                    f"{_called(name, module)}: got inputs of shape {shape}, {room} wide with its padding; its kernel "
                    f"needs {window.kernel}: take a kernel of at most {room}, pad by "
                    f"{-(-(window.kernel - size) // 2)}, or pool less before it"
                )


def _require(name: str, module: nn.Module, shape: tuple[int, ...], *, axis: int, needed: int, argument: str) -> None:
    got = shape[axis] if len(shape) >= abs(axis) + (axis >= 0) else 0
    if got != needed:
        which = "last size is" if axis == -1 else "channels are"
        raise ArgumentError(
            f"{_called(name, module)}: got inputs of shape {shape}, whose {which} {got}; it needs {needed}: "
            f"set {argument}={got}, or give the layer before it {needed} outputs"
        )


def _left_out(name: str, module: nn.Module, given: Tensor) -> list[str]:
    shape = tuple(given.shape)
    # A kernel of one entry with a stride takes a sample on purpose, as the way past a residual block does.
    axes = [(window, size) for window, size in _along(module, shape) if window.kernel > 1]
    names = {1: ("entries",), 2: ("rows", "columns")}.get(len(axes), ("planes", "rows", "columns"))
    lost = (
        [
            f"{window.dropped(size)} of {size} {axis}"
            for (window, size), axis in zip(axes, names, strict=True)
            if window.dropped(size) and window.kernel >= window.stride
        ]
        if axes
        else []
    )
    if not lost:
        return []
    stride = max(window.stride for window, _ in axes)
    who = _called(name, module)
    advice = "pad the input, or take a stride that divides it, if they matter"
    return [f"{who}: its stride of {stride} leaves out {' and '.join(lost)}; {advice}"]


def _along(module: nn.Module, shape: tuple[int, ...]) -> list[tuple[Window, int]]:
    """Each window with the size that it slides over."""
    found = windows(module)
    return list(zip(found, shape[-len(found) :], strict=True)) if found and len(shape) > len(found) else []


def _called(name: str, module: nn.Module) -> str:
    return f"layer {name} ({type(module).__name__})" if name else f"layer {type(module).__name__}"
