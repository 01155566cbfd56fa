"""Straight-through estimators that are written with ``detach``, beside whatever else the loss holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from unstuck.gradcheck.branches import Recorder
from unstuck.gradcheck.held import Held
from unstuck.gradcheck.judge import State, judge
from unstuck.gradcheck.point import evaluator_at
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.result import TensorCheck
from unstuck.gradcheck.steady import seed_all
from unstuck.gradcheck.tolerance import tolerance_of

__all__ = ["ByDetach", "Trace", "by_detach"]

ROUNDING = frozenset(("round", "sign", "floor", "ceil", "trunc", "heaviside", "bernoulli", "gumbel_softmax"))
"""Operations whose floating-point results are constant in pieces."""
MOVE = 1e-7
"""Share of a tensor's size by which it is moved: hardly any step is crossed."""
STILL = 1e-6
"""Share of another movement below which there is none: rounding leaves a hundredth of it."""


@dataclass(frozen=True, kw_only=True)
class ByDetach:
    """What straight-through estimators by ``detach`` explain.

    Attributes:
        step: Name of the operation that such an estimator passes a gradient through; empty where there is none.
        explained: Names of the tensors that go into a step, and whose gradient is the derivative with everything that
            is detached held constant.
    """

    step: str
    explained: frozenset[str]


def by_detach(problem: Problem, gradients: Mapping[str, Tensor], wrong: Sequence[TensorCheck], h: float) -> ByDetach:
    r"""Look for sums like :math:`z + \text{sg}(q(z) - z)`, with a step q and a detached part sg.

    Such a sum stands still where z moves, although it moves where what is detached is held. Its other parts, as the
    commitment and codebook losses of a VQ-VAE, are not asked for: with all that is detached held, each gradient is
    exact or it is not.

    Args:
        problem: What is checked.
        gradients: Its gradients by automatic differentiation.
        wrong: The tensors whose gradients differ from the differences.
        h: The step of the differences.

    Source: van den Oord et al., "Neural discrete representation learning" (2017), eq. 3.
    """
    with Held() as before:
        problem.at()
    held = replace(problem, held=tuple(before.kept))
    base = _traced(problem, {})
    step, explained = "", set[str]()
    for tensor in wrong:
        moved = _moved(problem, tensor.name)
        real = _traced(problem, moved)
        through = real.crossed(base)
        if not through or not _exact(held, gradients[tensor.name], tensor, h):
            continue
        explained.add(tensor.name)
        if real.stands_still(base, _traced(held, moved)):
            step = step or through
    return ByDetach(step=step, explained=frozenset(explained))


class Trace(Recorder):
    """What goes into steps, and what is computed from what comes out of them.

    Attributes:
        steps: Names and arguments of the operations that are constant in pieces: those that make whole numbers or
            truth values of floating-point ones, and those that round.
        behind: Floating-point results that depend on a step.
    """

    def __init__(self, *, promote: bool = False, constants: bool = False) -> None:
        super().__init__(promote=promote, constants=constants)
        self.steps: list[tuple[str, Tensor]] = []
        self.behind: list[Tensor] = []
        self._known: dict[int, Tensor] = {}  # kept, so that no other tensor gets the number

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call, and note."""
        given = _tensors((args, kwargs))
        floating = [x for x in given if x.is_floating_point()]
        before = _copy(floating[0]) if floating else None  # for it may work in place
        result = super().__torch_function__(func, types, args, kwargs)
        name = getattr(func, "__name__", "").strip("_")
        found = given[:1] if name == "setitem" else _tensors(result)
        if before is not None and (name in ROUNDING or any(not x.is_floating_point() for x in found)):
            self.steps.append((name, before))
            self._note(found)
        elif any(id(x) in self._known for x in given):
            self._note(found)
        return result

    def _note(self, found: Sequence[Tensor]) -> None:
        self._known.update((id(x), x) for x in found)
        self.behind += [_copy(x) for x in found if x.is_floating_point()]

    def crossed(self, base: Trace) -> str:
        """Name of the first step whose argument moved since another trace; empty where none did."""
        pairs = zip(self.steps, base.steps, strict=False)
        return next((name for (name, x), (_, before) in pairs if _movement(x, before) > 0.0), "")

    def stands_still(self, base: Trace, held: Trace) -> bool:
        """Whether a result behind a step stands still, which moves where what is detached is held."""
        return any(
            _movement(there, before) > 0.0 and _movement(here, before) <= STILL * _movement(there, before)
            for before, here, there in zip(base.behind, self.behind, held.behind, strict=False)
        )


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


def _copy(x: Tensor) -> Tensor:
    # Another mode would take this for what the program detaches.
    with torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage]
        return x.detach().clone()


def _movement(x: Tensor, before: Tensor) -> float:
    """The largest change; none where rounding makes as much, or the shapes differ."""
    if x.shape != before.shape or not x.numel():
        return 0.0
    change = float((x - before).abs().max())
    return change if change > MOVE * STILL * float(before.abs().max()) else 0.0


def _traced(problem: Problem, moved: Mapping[str, Tensor]) -> Trace:
    seed_all(problem.seed)
    trace = Trace(promote=problem.promote, constants=problem.constants)
    problem.within(moved, lambda value: value, trace)
    return trace


def _moved(problem: Problem, name: str) -> dict[str, Tensor]:
    x = problem.tensors[name]
    draw = torch.randn(x.shape, generator=torch.Generator().manual_seed(problem.seed), dtype=x.dtype)
    return {name: x + MOVE * max(float(x.square().mean().sqrt()), 1e-3) * draw.to(x.device)}


def _exact(held: Problem, gradient: Tensor, tensor: TensorCheck, h: float) -> bool:
    """Whether what is wrong is right where what is detached is held."""
    axes = [torch.tensor(axis) for axis in zip(*tensor.wrong, strict=True)]
    places = torch.arange(gradient.numel()).reshape(gradient.shape)[tuple(axes)].reshape(-1).to(gradient.device)
    try:
        judged = judge(evaluator_at(held)[0], tensor.name, places, gradient, h, tolerance_of(held, narrow=False))
    except RuntimeError:  # other things are detached at other points
        return False
    return bool((judged.state != State.WRONG).all())
