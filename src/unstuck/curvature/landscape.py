"""The loss about a point: values, gradients and Hessian products over batches, on a copy of the model."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from unstuck.curvature.obstacle import without_second_derivative
from unstuck.errors import ArgumentError
from unstuck.gradcheck.copies import cast_tree
from unstuck.gradcheck.objective import LossFunction, Penalty
from unstuck.gradcheck.point import Request, reach
from unstuck.gradcheck.problem import Problem
from unstuck.gradcheck.steady import seed_all, steady
from unstuck.preflight.subject import without_dropout
from unstuck.second_order import Hessian, flat

__all__ = ["Landscape", "Product", "by_name", "split"]

HELD_BYTES = 512 * 2**20
"""Graphs of gradients are kept between products while they take no more memory than this."""
ALL = 2**31
"""More examples than any batch has."""

Product = Callable[[Tensor], Tensor]


@dataclass(kw_only=True)
class Landscape:
    r"""The mean loss over batches as a function of the weights, with dropout off.

    .. math:: L(w) = \sum_b \frac{n_b}{n} L_b(w)

    Use it within :meth:`steady`.

    Attributes:
        problems: One for each batch.
        shares: Each batch's share of the examples.
        leaves: The weights by name: what is differentiated by.
        narrow: Why it is computed in single precision; empty where in double.
        notes: What was done to get there.
        products: Hessian products made so far.
    """

    problems: tuple[Problem, ...]
    shares: tuple[float, ...]
    leaves: dict[str, Tensor]
    narrow: str = ""
    notes: tuple[str, ...] = ()
    products: int = 0

    def __post_init__(self) -> None:
        self._held: list[Tensor] | None = None

    @staticmethod
    @contextmanager
    def steady(model: object) -> Generator[None]:
        """Compute in ways that can be differentiated twice, and put back generators and defaults on leaving.

        Fused attention has no second derivative, nor have the recurrent layers of oneDNN and cuDNN.
        """
        recurrent = isinstance(model, nn.Module) and any(isinstance(m, nn.RNNBase) for m in model.modules())
        with ExitStack() as stack:
            stack.enter_context(steady(torch.float64))
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            if recurrent:
                stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
                stack.enter_context(torch.backends.cudnn.flags(enabled=False))
            yield

    @classmethod
    def of(
        cls,
        model: Callable[..., Any],
        loss: LossFunction,
        batches: Sequence[tuple[Any, Any]],
        *,
        penalty: Penalty | None = None,
        by_inputs: bool = False,
        dtype: torch.dtype | None = None,
        seed: int = 0,
    ) -> Landscape:
        """Copy the model, in double precision where it runs in that and no other is asked for.

        Args:
            model: A module, or a function of its inputs.
            loss: Of outputs and targets.
            batches: Pairs of inputs and targets.
            penalty: Of the model, added to each loss.
            by_inputs: Differentiate by the inputs too, for a function that has no parameters.
            dtype: The precision to compute in, where it is not to be the best one.
            seed: Seed of every evaluation.

        Raises:
            ArgumentError: The parts do not fit each other, or the loss is not finite; the message says where.
        """
        inputs, targets = batches[0]
        point = reach(
            Request(
                model=without_dropout(model) if isinstance(model, nn.Module) else model,
                loss=loss,
                inputs=inputs,
                targets=targets,
                penalty=penalty,
                examples=ALL,
                seed=seed,
                warm_up=0,
                with_inputs=by_inputs,
                dtype=dtype,
            )
        )
        first = point.problem
        first.objective.penalty = 1.0
        cast = [cast_tree(batch, first.dtype) for batch in batches[1:]]
        problems = (first, *(replace(first, inputs=x, targets=y) for x, y in cast))
        counts = [_examples(batch) for batch in batches]
        return cls(
            problems=problems,
            shares=tuple(count / sum(counts) for count in counts),
            leaves=_leaves(first),
            narrow=point.narrow,
            notes=point.notes,
        )

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(leaf.numel() for leaf in self.leaves.values())

    @property
    def point(self) -> Tensor:
        """The weights in one row, in double precision."""
        return flat(leaf.detach() for leaf in self.leaves.values()).double()

    def loss(self, offset: Tensor | None = None) -> float:
        """The loss, at the point or beside it."""
        changed = self._moved(offset)
        with torch.no_grad():
            return sum(
                share * problem.number(changed) for share, problem in zip(self.shares, self.problems, strict=True)
            )

    def gradients(self) -> Iterator[tuple[float, Tensor]]:
        """Share and gradient of each batch."""
        leaves = list(self.leaves.values())
        for share, problem in zip(self.shares, self.problems, strict=True):
            seed_all(problem.seed)
            found = problem.within(
                self.leaves, lambda value: torch.autograd.grad(value, leaves, materialize_grads=True)
            )
            yield share, flat(found).detach().double()

    def gradient(self, offset: Tensor | None = None) -> Tensor:
        """The gradient, at the point or beside it."""
        if offset is not None:
            leaves = {name: value.requires_grad_() for name, value in self._moved(offset).items()}
            return replace(self, leaves=leaves).gradient()
        parts = [share * gradient for share, gradient in self.gradients()]
        return torch.stack(parts).sum(dim=0)

    def hessian(self, names: Sequence[str] | None = None) -> Product:
        """The Hessian by all weights, or by some of them: a block on its diagonal.

        Raises:
            ArgumentError: A layer has no second derivative; the message names it.
        """
        leaves = [self.leaves[name] for name in names or self.leaves]
        try:
            made = self._made(leaves)
        except RuntimeError as error:
            raise self._impossible(error) from error

        def product(vector: Tensor) -> Tensor:
            self.products += 1
            try:
                parts = [share * self._one(k, leaves, made, vector) for k, share in enumerate(self.shares)]
            except RuntimeError as error:
                raise self._impossible(error) from error
            return torch.stack(parts).sum(dim=0).to(vector.device)

        return product

    def _made(self, leaves: Sequence[Tensor]) -> list[Hessian]:
        """Gradients with their graphs, where those of all batches fit into memory; none where they do not."""
        if self._held is None:
            taken = _bytes(lambda: Hessian(self._value(self.problems[0]), leaves))
            fit = taken * len(self.problems) <= HELD_BYTES
            self._held = [self._value(problem) for problem in self.problems] if fit else []
        return [Hessian(value, leaves) for value in self._held]

    def _one(self, k: int, leaves: Sequence[Tensor], made: Sequence[Hessian], vector: Tensor) -> Tensor:
        if made:
            return made[k](vector)
        problem = self.problems[k]
        seed_all(problem.seed)
        return problem.within(self.leaves, lambda value: Hessian(value, leaves)(vector))

    def _value(self, problem: Problem) -> Tensor:
        return problem.at(self.leaves)

    def _moved(self, offset: Tensor | None) -> dict[str, Tensor]:
        if offset is None:
            return {name: leaf.detach() for name, leaf in self.leaves.items()}
        parts = offset.split([leaf.numel() for leaf in self.leaves.values()])
        return {
            name: leaf.detach() + part.reshape(leaf.shape).to(leaf)
            for (name, leaf), part in zip(self.leaves.items(), parts, strict=True)
        }

    def _impossible(self, error: RuntimeError) -> ArgumentError:
        first = self.problems[0]
        return without_second_derivative(first, self.leaves, error)


def _leaves(problem: Problem) -> dict[str, Tensor]:
    """The copy's own parameters: a checkpoint that runs the model again in a backward pass finds the same."""
    own = {name.removeprefix("call."): p for name, p in problem.objective.named_parameters()}
    return {
        name: own[name] if name in own and name not in problem.complex else tensor.clone().requires_grad_()
        for name, tensor in problem.tensors.items()
    }


def _examples(batch: tuple[Any, Any]) -> int:
    targets = batch[1]
    return len(targets) if isinstance(targets, Tensor) and targets.ndim else 1


def _bytes(compute: Callable[[], object]) -> int:
    """What autograd keeps for a backward pass through what is computed."""
    total = 0

    def pack(tensor: Tensor) -> Tensor:
        nonlocal total
        total += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return total


def split(landscape: Landscape, parts: int) -> Landscape | None:
    """The batches taken apart into about as many parts in all; None where the loss is not the mean of theirs."""
    each = parts // len(landscape.problems)
    if each < 2:
        return None
    taken = [_pieces(problem, each) or (problem,) for problem in landscape.problems]
    pieces = tuple(piece for those in taken for piece in those)
    if len(pieces) == len(landscape.problems):
        return None
    shares = tuple(share / len(those) for share, those in zip(landscape.shares, taken, strict=True) for _ in those)
    apart = replace(landscape, problems=pieces, shares=shares)
    whole = landscape.loss()
    try:
        same = abs(apart.loss() - whole) <= 1e-6 * abs(whole)
    except Exception:  # whatever the model raises of few examples, as batch normalisation does of one
        return None
    return apart if same else None


def _pieces(problem: Problem, parts: int) -> tuple[Problem, ...]:
    x, y = problem.inputs, problem.targets
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)) or not x.ndim or not y.ndim or len(x) != len(y):
        return ()
    size = len(x) // parts
    if not size or size * parts != len(x):  # of several sizes the mean would not be that of the losses
        parts = next((p for p in range(parts, 1, -1) if len(x) % p == 0), 0)
        size = len(x) // parts if parts else 0
    if not size:
        return ()
    return tuple(replace(problem, inputs=a, targets=b) for a, b in zip(x.split(size), y.split(size), strict=True))


def by_name(landscape: Landscape, row: Tensor) -> Mapping[str, Tensor]:
    """A row taken apart into the weights that it belongs to."""
    parts = row.split([leaf.numel() for leaf in landscape.leaves.values()])
    return {name: part.reshape(leaf.shape) for (name, leaf), part in zip(landscape.leaves.items(), parts, strict=True)}
