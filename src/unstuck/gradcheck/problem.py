"""A scalar function of named tensors that gives the same value each time: what is differentiated."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.utils import _pytree as pytree

from unstuck.errors import ArgumentError
from unstuck.gradcheck.branches import Recorder
from unstuck.gradcheck.copies import cast_tree, copied
from unstuck.gradcheck.held import Held
from unstuck.gradcheck.objective import LossFunction, Method, Objective, OnSimplex, Penalty, Projection
from unstuck.gradcheck.steady import seed_all

__all__ = ["INPUT", "Problem", "build"]

T = TypeVar("T")

INPUT = "input"
"""Name under which an input's gradient is reported."""
LEAST_MOVE = 1e-3
"""Least size of a direction, for tensors that are zero."""


@dataclass(kw_only=True)
class Problem:
    """What is differentiated, at one point.

    Attributes:
        objective: The copy that is evaluated.
        tensors: The tensors whose gradients are checked, by name.
        inputs: Arguments of the model; tensors of ``tensors`` replace those of the same name.
        targets: Second argument of the loss.
        seed: Seed of every evaluation.
        promote: Whether operations that ask for float32 get float64.
        scale: Factor of the value, a power of two.
        complex: Names of the tensors that are complex: each is checked as pairs of real and imaginary part.
        directions: By name, a tensor and directions of shape (K, *shape) in which it is moved; ``tensors`` then has K
            coefficients in its place.
        constants: Whether tensors that the model makes of numbers are of float64, whatever the default type.
        constant: Names of inputs that require no gradient beside others that do: they are not moved.
        bundle: By name, a tensor and one direction in which it is moved; another of ``tensors``, with a coefficient for
            each, moves them.
        needing: Inputs that require a gradient in the batch as it was given, by name.
        held: Values that detached tensors keep, in the order of their calls; None leaves them as they are computed.
        deadline: When to stop, by ``time.thread_time``, which a busy machine does not change.
    """

    objective: Objective
    tensors: dict[str, Tensor]
    inputs: Any
    targets: Any
    seed: int = 0
    promote: bool = False
    scale: float = 1.0
    complex: frozenset[str] = frozenset()
    directions: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict[str, tuple[Tensor, Tensor]])
    constants: bool = False
    constant: tuple[str, ...] = ()
    bundle: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict[str, tuple[Tensor, Tensor]])
    needing: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    held: tuple[Tensor, ...] | None = None
    deadline: float = float("inf")

    def __post_init__(self) -> None:
        parameters = self.objective.named_parameters()
        self._fixed = {name: p.detach() for name, p in parameters}
        self._tied = len(list(self.objective.named_parameters(remove_duplicate=False))) > len(self._fixed)
        self._buffers = dict(self.objective.named_buffers())
        self._places = {_shown(name): name for name in self._fixed}

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the tensors checked."""
        return next(iter(self.tensors.values())).dtype

    def leave_out(self, name: str) -> None:
        """Hold a tensor at its value instead of checking it."""
        self.tensors.pop(name, None)

    def is_input(self, name: str) -> bool:
        """Whether a tensor is an input and no parameter."""
        return name not in self._places

    def along(self, count: int) -> Problem:
        r"""The same as a function of coefficients :math:`c` of random directions, :math:`f(x + \sum_k c_k v_k)`, at 0.

        Few differences then see every entry: each :math:`v_k` is as large as its tensor.
        """
        generator = torch.Generator().manual_seed(self.seed)
        directions: dict[str, tuple[Tensor, Tensor]] = {}
        for name, x in self.tensors.items():
            size = max(float(x.square().mean().sqrt()), LEAST_MOVE)
            v = torch.randn((count, *x.shape), generator=generator, dtype=x.dtype)
            directions[name] = x, (size * v).to(x.device)
        zeros = {name: x.new_zeros(count) for name, x in self.tensors.items()}
        return replace(self, tensors=zeros, directions=directions)

    def value(self, changed: Mapping[str, Tensor], *, choices: bool = False) -> tuple[Tensor, Recorder]:
        """The value where some tensors are replaced. Buffers start each time as they were found.

        Raises:
            TimeoutError: It is past the deadline.
        """
        recorder = Recorder(choices=choices, promote=self.promote, constants=self.constants)
        return self.within(changed, lambda value: value, recorder), recorder

    def quick(self, changed: Mapping[str, Tensor]) -> Tensor:
        """The value as :meth:`value` has it, computed without a look at the operations that it is made of."""
        state, inputs = self._placed(changed)
        inputs, targets = _cloned((inputs, self.targets))
        scaled: Callable[[Tensor], Tensor] = lambda value: value * self.scale  # noqa: E731
        return functional_call(self.objective, state, (inputs, targets, scaled), tie_weights=self._tied)

    def within(self, changed: Mapping[str, Tensor], then: Callable[[Tensor], T], recorder: Recorder | None = None) -> T:
        """What ``then`` makes of the value while the tensors are in place: a checkpoint runs the model in backward too.

        Raises:
            TimeoutError: It is past the deadline.
        """
        if time.thread_time() > self.deadline:
            raise TimeoutError("the gradient check takes longer than it may")
        state, inputs = self._placed(changed)
        inputs, targets = _cloned((inputs, self.targets))
        scaled: Callable[[Tensor], T] = lambda value: then(value * self.scale)  # noqa: E731
        holding = nullcontext() if self.held is None else Held(self.held)
        with holding, recorder or Recorder(promote=self.promote, constants=self.constants):
            if state:
                return functional_call(self.objective, state, (inputs, targets, scaled), tie_weights=self._tied)
            return self.objective.forward(inputs, targets, scaled)  # a function: hooks on all modules are not for it

    def _placed(self, changed: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Any]:
        """Parameters and buffers by the name of their place, and the inputs."""
        state = {**self._fixed, **{name: buffer.clone() for name, buffer in self._buffers.items()}}
        inputs = self.inputs
        for name, tensor in self._moved({**self.tensors, **changed}):
            tensor = torch.view_as_complex(tensor) if name in self.complex else tensor
            if name in self._places:
                state[self._places[name]] = tensor
            else:
                inputs = _with_input(inputs, name, tensor)
        return state, inputs

    def _moved(self, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
        """Tensors by name, where their coefficients put them."""
        for name, tensor in tensors.items():
            if name in self.directions:
                origin, directions = self.directions[name]
                yield name, origin + torch.tensordot(tensor, directions, dims=1)
            elif name in self._places or name.startswith(INPUT):
                yield name, tensor
            else:
                for k, (moved, (origin, direction)) in enumerate(self.bundle.items()):
                    yield moved, origin + tensor[k] * direction

    def at(self, changed: Mapping[str, Tensor] | None = None) -> Tensor:
        """The value with generators set."""
        seed_all(self.seed)
        return self.value(changed or {})[0]

    def number(self, changed: Mapping[str, Tensor] | None = None) -> float:
        """The same as a number."""
        return float(self.at(changed).detach())


def build(
    model: Callable[..., Any],
    loss: LossFunction | None,
    inputs: Any,
    targets: Any,
    *,
    dtype: torch.dtype,
    penalty: Penalty | None = None,
    seed: int = 0,
    promote: bool = False,
    with_inputs: bool = True,
) -> Problem:
    """Copy everything, and name what is checked.

    Raises:
        ArgumentError: Something cannot be copied, or nothing is left to check.
    """
    call, own_loss = (_own(part, dtype, name) for part, name in ((model, "model"), (loss, "loss")))
    objective = Objective(call, cast("LossFunction", own_loss) or Projection(), penalty)
    differentiable = _named_inputs(inputs)
    needing = [name for name, x in differentiable.items() if x.requires_grad]
    asked = needing or list(differentiable)
    inputs, targets = cast_tree((inputs, targets), dtype)
    tensors = {_shown(name): p.detach().clone() for name, p in objective.named_parameters() if p.requires_grad}
    if isinstance(model, nn.Module) and loss is not None and not tensors:
        raise ArgumentError(
            f"model={type(model).__name__}: no parameter requires a gradient; "
            "set requires_grad to True on those that training is to change"
        )
    if with_inputs:
        tensors.update({name: x.detach() for name, x in _named_inputs(inputs).items() if name in asked})
    if not tensors:
        raise ArgumentError(
            "inputs: no floating-point numbers among them; integers have no gradient, nor empty tensors: give floats"
        )
    paired = frozenset(name for name, x in tensors.items() if x.is_complex())
    named = _named_inputs(inputs)
    return Problem(
        objective=objective,
        tensors={name: torch.view_as_real(x).clone() if name in paired else x for name, x in tensors.items()},
        inputs=inputs,
        targets=targets,
        seed=seed,
        promote=promote,
        complex=paired,
        needing={name: named[name] for name in needing if not named[name].is_complex()},
        constant=tuple(name for name in differentiable if name not in asked) if with_inputs else (),
    )


def _cloned(tree: T) -> T:
    """Tensors of their own, for a model may work in place on what it gets."""
    return cast("T", pytree.tree_map(lambda v: v.clone() if isinstance(v, Tensor) else v, tree))


def _own(part: Any, dtype: torch.dtype, name: str) -> Any:
    """A copy of a module, of the module that a method is bound to, or the function itself."""
    if part is functional.ctc_loss or isinstance(part, nn.CTCLoss):
        return OnSimplex(part)
    owner = getattr(part, "__self__", None)
    if isinstance(owner, nn.Module):
        part = Method(owner, part.__name__)
    return copied(part, dtype, name=name) if isinstance(part, nn.Module) else part


def _named_inputs(inputs: Any) -> dict[str, Tensor]:
    if isinstance(inputs, Mapping):
        entries = [(f"{INPUT}.{key}", value) for key, value in inputs.items()]
    elif isinstance(inputs, tuple | list):
        several = len(cast("tuple[Any, ...]", inputs)) > 1
        entries = [(f"{INPUT}[{i}]" if several else INPUT, value) for i, value in enumerate(inputs)]
    else:
        entries = [(INPUT, inputs)]
    return {name: v for name, v in entries if _differentiable(v)}


def _differentiable(value: object) -> bool:
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex()) and value.numel() > 0


def _with_input(inputs: Any, name: str, tensor: Tensor) -> Any:
    if isinstance(inputs, Mapping):
        return {**inputs, name.removeprefix(f"{INPUT}."): tensor}
    if isinstance(inputs, tuple | list):
        position = int(name[len(INPUT) + 1 : -1]) if name != INPUT else 0
        entries = list(cast("tuple[Any, ...]", inputs))
        entries[position] = tensor
        return tuple(entries)
    return tensor


def _shown(name: str) -> str:
    """A parameter's name as its owner knows it; that of a loss keeps the word."""
    return name.removeprefix("call.")
