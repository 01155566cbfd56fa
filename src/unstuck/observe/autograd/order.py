"""Does an attention treat all positions of a sequence alike, so that their order changes nothing?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Any

import torch
from torch import Tensor

from unstuck.observe.autograd.axes import result_shape, signed
from unstuck.observe.autograd.extra_pass import MOST_NODES
from unstuck.observe.autograd.graph import Place, operation, place_of, saved

__all__ = ["forgets_order", "same_for_all_queries"]

MIXING = frozenset({"Softmax", "SafeSoftmax"})
FUSED = "ScaledDotProduct"
OWN = "SafeSoftmax"
"""The softmax of PyTorch's attention where that is made of several operations."""

ALIKE = MIXING | frozenset(
    {
        *("View", "Reshape", "ReshapeAlias", "UnsafeView", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Transpose"),
        *("T", "Permute", "Clone", "Contiguous", "ToCopy", "Alias", "Unbind", "Split", "Select", "Slice"),
        *("Addmm", "Mm", "Bmm", "Baddbmm", "Linear", "Add", "Sub", "Mul", "Div", "Neg", "MaskedFill", "NativeDropout"),
        *("Relu", "Gelu", "Silu", "Tanh", "Sigmoid", "Elu", "LeakyRelu", "Pow", "Sqrt", "Exp", "Mean", "Sum", "Amax"),
        *("NativeLayerNorm", "FusedRmsNorm", "LogSoftmax", "Where"),
    }
)
"""Operations that do the same at each position, or to each pair of them, as far as their other operand does."""

ADDED = frozenset({"Add", "Sub", "Mul", "Div", "MaskedFill", "Where", "View", "UnsafeView", "Expand", "ToCopy"})
"""Operations on scores of attention before their softmax."""

RESHAPES = frozenset({"View", "Reshape", "ReshapeAlias", "UnsafeView", "Flatten"})
PRODUCTS = frozenset({"Mul", "Div"})
SUMS = frozenset({"Add", "Sub", "Baddbmm"})


def forgets_order(graph: Sequence[Any], stop: Any, examples: int, length: int, equal: Set[Place] = frozenset()) -> bool:
    r"""Whether outputs are a function of a set, by an attention.

    For each permutation :math:`\pi` of positions then, up to the permutation of outputs,

    .. math::
        y(e_{\pi(1)}, \dots, e_{\pi(T)}) = y(e_1, \dots, e_T)

    True only where each operation is known to be so: a constant or
    a weight with an axis of positions, a causal mask, a convolution or a recurrence tell positions apart.

    Args:
        graph: The nodes from the outputs down to the vectors, nearest the outputs first.
        stop: The node that the vectors came of.
        examples: Examples in a batch.
        length: Positions.
        equal: Where things come from, or sums that they were added in, that are the same at all positions.
    """
    leading: set[Any] = {stop}
    for node in _from_the_inputs(graph):
        if any(successor in leading for successor, _ in node.next_functions):
            leading.add(node)
    leading.discard(stop)
    if len(graph) >= MOST_NODES:
        return False
    sizes = (examples, length)
    mixes = any(operation(node) in MIXING or operation(node).startswith(FUSED) for node in leading)
    scores = _scores(leading)
    return mixes and all(_alike(node, leading | {stop}, sizes, scores, equal) for node in leading)


def _scores(leading: Set[Any]) -> set[Any]:
    """The nodes between a softmax and the product of queries and keys behind it: masks, scales and biases."""
    found = set[Any]()
    pending = [after for node in leading if operation(node) in MIXING for after, _ in node.next_functions]
    while pending:
        node = pending.pop()
        if node in leading and node not in found and operation(node) in ADDED:
            found.add(node)
            pending += [after for after, _ in node.next_functions]
    return found


def _from_the_inputs(graph: Sequence[Any]) -> Iterator[Any]:
    """The nodes, each behind those that it leads to."""
    members, done = set(graph), set[Any]()
    for first in graph:
        pending = [first]
        while pending:
            node = pending[-1]
            ahead = [after for after, _ in node.next_functions if after in members and after not in done]
            if node in done or not ahead:
                pending.pop()
                if node not in done:
                    done.add(node)
                    yield node
            else:
                pending += ahead


def _alike(node: Any, leading: Set[Any], sizes: tuple[int, int], scores: Set[Any], equal: Set[Place]) -> bool:
    name, (examples, length) = operation(node), sizes
    if name.startswith(FUSED):
        masks = (saved(node, "_saved_attn_mask"), saved(node, "_saved_attn_bias"))
        return not getattr(node, "_saved_is_causal", False) and all(map(same_for_all_queries, masks))
    if name not in ALIKE:
        return False
    beside = [pair for pair in node.next_functions if pair[0] is not None and pair[0] not in leading]
    if any(length in _shape(other) and place_of(other, number) not in equal for other, number in beside):
        return False
    if name in RESHAPES:
        return _keeps_positions(_before(node), result_shape(node), examples, length)
    constant = any(successor is None for successor, _ in node.next_functions)
    if name in SUMS and constant and place_of(node) not in equal:
        # A mask or bias that is added to scores can be seen where that is done; any other constant may hold positions.
        by_pytorch = any(operation(one) == OWN for one in leading)
        return result_shape(node)[-2:] == (length, length) and (by_pytorch or node in scores)
    if name in PRODUCTS:
        return all(_no_positions(saved(node, kept), examples, length) for kept in ("_saved_self", "_saved_other"))
    if name == "Where":
        return node in scores and same_for_all_queries(saved(node, "_saved_condition"))
    if name == "MaskedFill":
        return same_for_all_queries(saved(node, "_saved_mask"))
    if name == "Slice":
        return _before(node)[signed(node._saved_dim)] != length
    return True


def _shape(node: Any) -> tuple[int, ...]:
    variable = getattr(node, "variable", None)
    return tuple(variable.shape) if isinstance(variable, Tensor) else result_shape(node)


def _before(node: Any) -> tuple[int, ...]:
    successor, number = node.next_functions[0]
    return result_shape(successor, number) if successor is not None else ()


def _keeps_positions(before: tuple[int, ...], after: tuple[int, ...], examples: int, length: int) -> bool:
    """Whether a reshape leaves positions an axis, alone or with the examples."""
    of_both = examples * length
    return not (length in before or of_both in before) or length in after or (bool(after) and after[0] % of_both == 0)


def _no_positions(factor: Any, examples: int, length: int) -> bool:
    """Whether a factor is no constant of positions: it needs gradients, or differs by example as a dropout does."""
    if not isinstance(factor, Tensor) or factor.requires_grad or length not in factor.shape:
        return True
    if factor.dim() > 2 and factor.shape[:2] == (length, examples):
        factor = factor.transpose(0, 1)
    return len(factor) % examples == 0 and examples > 1 and not bool((factor == factor[:1]).all())


def same_for_all_queries(mask: Any) -> bool:
    """Whether a mask of attention, shape (..., queries, keys), leaves out the same keys for each query."""
    if not isinstance(mask, Tensor) or mask.dim() < 2 or not mask.numel():
        return True
    return bool(torch.eq(mask, mask[..., :1, :]).all())
