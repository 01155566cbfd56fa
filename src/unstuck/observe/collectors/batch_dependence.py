"""Does one example's output depend on the other examples of its batch?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.observe.autograd.extra_pass import HOOKING, MOST_NODES, runs_program_code
from unstuck.observe.autograd.graph import GraphWalk, operation, saved, walk
from unstuck.observe.collectors.example_axes import ADDITIONS, Lengths, beside_positions, by_loader, memory
from unstuck.observe.collectors.handwritten_losses import LossCall
from unstuck.observe.collectors.view import View
from unstuck.observe.tensors.distributed import alone
from unstuck.observe.tensors.readable import as_real, is_readable, wide_type
from unstuck.observe.user_code.module_tree import own_buffers
from unstuck.record import facts
from unstuck.record.signals import Signal

__all__ = ["BatchDependence", "mixing_share", "row_behind", "time_axis"]

_BatchNorm = nn.modules.batchnorm._BatchNorm  # pyright: ignore[reportPrivateUsage]


GRAPHS = frozenset(
    {
        *("SparseAddmm", "SparseMm", "SparseSampledAddmm", "IndexAdd", "IndexCopy", "ScatterAdd", "Scatter"),
        *("ScatterReduce", "IndexReduce", "SegmentReduce"),
    }
)
"""Operations by which examples pass messages on purpose, as in networks on graphs."""

STATISTICS = frozenset({"Mean", "Sum", "Var", "Std", "VarMean", "StdMean", "Amax", "Amin"})
"""Operations by which a batch norm of one's own, or a layer that compares examples, sums over the batch."""

ALONE = 0.999
"""Share of the squared gradient on one example, from which an output depends on it alone."""

EXAMPLE_AXES = 2
"""Leading axes of an output of which one counts examples."""


class BatchDependence:
    """Ask once whether one example's output depends on the others.

    Args:
        view: What is known of the step.
    """

    measures: tuple[Signal, ...] = ()
    functions = HOOKING | ADDITIONS

    def __init__(self, view: View) -> None:
        self._view = view
        self._lengths: Lengths | None = None
        self._batch_size: int | None = None
        self._asked = False
        self._found: list[facts.BatchMixing] = []

    def loss(self, call: LossCall) -> None:
        """Note which axis of the batch counts time steps."""
        view = self._view
        if view.time_axis is None and view.batch is not None:
            view.time_axis = time_axis(view.batch, call.target)

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """The program hooks a tensor, or takes hold of a node of the graph, which it may hook; or it adds something."""
        if function in HOOKING:
            self._view.hooked = True
        elif not self._asked and self._lengths is None and len(args) > 1:
            self._compare(args[0], args[1])

    def _compare(self, one: Any, other: Any) -> None:
        """Look whether one of two summands is a table of positions for the other."""
        if isinstance(one, Tensor) and isinstance(other, Tensor) and max(one.dim(), other.dim()) == len("NTD"):
            table, values = sorted((one, other), key=Tensor.numel)
            kept = (buffer for module in self._view.roots.modules() for buffer in own_buffers(module))
            buffers = {memory(buffer) for buffer in kept if is_readable(buffer)}
            self._lengths = beside_positions(table, values, buffers)

    def loader_begins(self, loader: Any) -> None:
        """Note how many examples a batch of it has."""
        size = getattr(loader, "batch_size", None)
        self._batch_size = size if isinstance(size, int) else None

    def backward(self, graph: GraphWalk) -> None:
        """Ask, at the first loss whose model was seen, if an extra backward pass runs no code of the program's."""
        view = self._view
        # An extra backward pass of one rank would call collectives of sharded models, and wait for the others.
        if view.first is None or view.output is None or self._asked or not alone():
            return
        if view.output.is_nested:
            return
        if view.batch is not None and view.batch.shape[:1] == (1,):
            return  # a batch of one cannot mix; rows of its output are moments or pixels
        if view.hooked or graph.custom or runs_program_code(view.output):
            return
        self._asked = True
        modules = view.roots.modules()
        lengths = self._lengths or (None if view.batch is None else by_loader(view.batch, self._batch_size))
        with torch.enable_grad():  # of our own work no graph is kept otherwise
            mixing = mixing_share(
                view.first,
                view.output,
                view.time_axis,
                lengths=lengths,
                modules=modules,
                step=view.updates,
                own=view.row_of(len(view.output) // 2) if view.output.dim() else None,
            )
        if mixing is not None:
            self._found.append(mixing)

    def facts(self) -> Iterator[facts.BatchMixing]:
        """What was found."""
        found, self._found = self._found, []
        yield from found


def time_axis(batch: Tensor, target: Tensor) -> int | None:
    """The axis of a batch of ids that counts moments, where the targets are the next ones; None where they are not.

    Examples:
        >>> text = torch.arange(24).reshape(4, 6)
        >>> time_axis(text[:, :-1], text[:, 1:].flatten()), time_axis(text[:, 0], text[:, 1])
        (1, None)
    """
    if batch.dim() != EXAMPLE_AXES or batch.is_floating_point() or not is_readable(batch) or not is_readable(target):
        return None
    if target.numel() != batch.numel():
        return None
    following = target.reshape(batch.shape)
    axes = [
        axis
        for axis, length in enumerate(batch.shape)
        if length > 1 and torch.equal(following.narrow(axis, 0, length - 1), batch.narrow(axis, 1, length - 1))
    ]
    return axes[0] if len(axes) == 1 else None  # ids that are all the same follow each other along both


def mixing_share(
    first: Tensor,
    output: Tensor,
    moments: int | None = None,
    *,
    lengths: Lengths | None = None,
    modules: Iterable[nn.Module],
    step: int,
    own: int | None = None,
) -> facts.BatchMixing | None:
    r"""Differentiate the middle example's output m with respect to the first activations of the whole batch.

    .. math::
        \text{share} =
        \frac{\lVert \partial y_m / \partial a_{n \ne m} \rVert}{\lVert \partial y_m / \partial a_{1..N} \rVert}

    The middle one, because a recurrent layer that takes examples for moments lets the later see the earlier only. The
    extra backward pass goes through the graph that is there; it leaves the graph and every ``.grad`` as they were.

    Args:
        first: The first activation, with one axis of N examples, part of the output's graph.
        output: The output, of shape (N, ...).
        moments: The axis that is known to count moments, and no examples.
        lengths: What is known of the lengths of both axes.
        modules: The modules of the model; a batch norm in training mode mixes by design.
        step: The training step.
        own: The row of the first activation that is the middle example's, where the model sorts its examples.

    Returns:
        The share; None where no axis of the first activation counts the examples, or mixing is by design.
    """
    if any(isinstance(module, _BatchNorm) and module.training for module in modules):
        return None
    if not is_readable(first) or not is_readable(output):
        return None
    if first.dim() < 2 or output.dim() < 1 or not output.requires_grad or len(output) < 2:
        return None
    if not _examples(first, len(output)) or _by_design(output, len(output)):
        return None
    # An output may count moments first and examples next, as recurrent layers do: either reading is allowed.
    axes = range(min(output.dim() - 1, EXAMPLE_AXES)) if output.dim() > 2 else range(1)
    if lengths is not None and any(output.shape[axis] == lengths.examples for axis in axes):
        axes = [axis for axis in axes if output.shape[axis] == lengths.examples]
    else:
        axes, lengths = [axis for axis in axes if axis != moments], None
    along: list[float] = []
    for axis in axes:
        count = output.shape[axis]
        shares = _shares(output.movedim(axis, 0)[count // 2], first, _examples(first, count), own) if count > 1 else ()
        along += [min(found) for found in (list(shares),) if found]
    if not along:
        return None
    known_by, examples = ("", None) if lengths is None else (lengths.known_by, lengths.examples)
    return facts.BatchMixing(step=step, share=min(along), along=tuple(along), known_by=known_by, examples=examples)


def _shares(example: Tensor, first: Tensor, axes: Iterable[int], own: int | None = None) -> Iterator[float]:
    """What the middle one of several examples takes from the others, by the axis that counts them in the first."""
    for squares in _squares(example, first, axes):
        total, itself = float(squares.sum()), float(squares[len(squares) // 2 if own is None else own])
        if total > 0.0:
            yield (max(0.0, total - itself) / total) ** 0.5


def _squares(example: Tensor, first: Tensor, axes: Iterable[int]) -> Iterator[Tensor]:
    """The squared gradient of one example by rows of the first activation, for each axis that may count them."""
    # Not the sum, which is the same whatever goes in, where a norm or a softmax comes last.
    weights = torch.arange(example.numel(), device=example.device).cos().to(example.dtype).view_as(example)
    try:
        (gradient,) = torch.autograd.grad([example], [first], [weights], retain_graph=True, allow_unused=True)
    except RuntimeError:
        # The user's own autograd functions need not support a second pass.
        return
    if gradient is None:  # pyright: ignore[reportUnnecessaryComparison]  # allow_unused
        return
    for axis in axes:
        rows = as_real(gradient.detach()).movedim(axis, 0).reshape(gradient.shape[axis], -1)
        yield rows.to(wide_type(rows)).square().sum(dim=1)


def row_behind(example: Tensor, first: Tensor, count: int) -> int | None:
    """The row of the first activation that one example's output depends on; None where it is not one alone.

    Args:
        example: The output of one example, with its graph.
        first: The first activation, part of that graph.
        count: Examples in the batch.
    """
    if not is_readable(first) or first.dim() < 1 or len(first) != count:
        return None
    squares = next(_squares(example, first, [0]), None)
    if squares is None or not float(squares.sum()):
        return None
    row = int(squares.argmax())
    return row if float(squares[row]) >= ALONE * float(squares.sum()) else None


def _examples(first: Tensor, count: int) -> list[int]:
    """The axes of the first activation that may count examples, but for the last, unless the first is the only one."""
    axes = [axis for axis, length in enumerate(first.shape[:-1]) if length == count]
    return axes if len(axes) <= 1 or axes[0] == 0 else []


def _by_design(output: Tensor, count: int) -> bool:
    """Whether examples are joined by messages, or by a constant matrix of examples by examples, as in a graph."""
    for number, node in enumerate(walk(output)):
        if number >= MOST_NODES:
            break
        name = operation(node)
        if name in GRAPHS or (name in STATISTICS and _over_examples(node, count)):
            return True
        if name in ("Mm", "Addmm", "Bmm"):
            successors = [successor for successor, _ in node.next_functions][-2:]
            for kept, successor in zip(("_saved_self", "_saved_mat1"), (successors[0],) * 2, strict=True):
                matrix = saved(node, kept)
                if successor is None and isinstance(matrix, Tensor) and matrix.shape[-2:] == (count, count):
                    return True
    return False


def _over_examples(node: Any, count: int) -> bool:
    """Whether a statistic is taken over a first axis that counts the examples."""
    axes, sizes = getattr(node, "_saved_dim", None), getattr(node, "_saved_self_sym_sizes", None)
    if sizes is None:
        values = saved(node, "_saved_self")
        sizes = tuple(values.shape) if isinstance(values, Tensor) else ()
    first = axes is None or 0 in ((axes,) if isinstance(axes, int) else axes)
    return first and len(sizes) > 1 and sizes[0] == count
