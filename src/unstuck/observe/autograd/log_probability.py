"""Whether a tensor is a log-probability of what was chosen, or a ratio of such, by the graph that gave it."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any, Literal

from torch import Tensor

from unstuck.observe.autograd.graph import TRANSPARENT, operation, saved
from unstuck.observe.autograd.summands import unscaled

__all__ = ["log_probability", "ratio", "scores"]

MOST_NODES = 80

ENDS = frozenset({"Addmm", "Mm", "Bmm", "Convolution", "AccumulateGrad", "Embedding"})
"""Where the graph of a network begins, behind which nothing is looked for."""

REDUCED = frozenset({"Mean", "Weighted"})
"""What a loss of a whole batch has, and no log-probability of one example."""

BOTH = 2
"""Log-probabilities in a ratio."""

LEAST = 0.5
"""Median from which ratios may be those of a policy and of what it was a few updates before."""

JOINED = frozenset({"Stack", "Cat"})

OF_MANY = 2
"""Tensors that are looked at of those that are joined: the steps of an episode are alike."""

PICKS = frozenset({"Gather", "Index"})


def log_probability(values: Tensor) -> int:
    r"""The sign by which a log-probability enters a tensor, as itself or as :math:`e^{\ln p - c}`; 0 where none does.

    Known are the logarithm of a softmax of which some entries were picked, the cross-entropy of each example, and the
    logarithm of a normal density as torch.distributions writes it.

    Args:
        values: With its graph.

    Examples:
        >>> import torch
        >>> scores = torch.ones(4, 3, requires_grad=True).exp()
        >>> picked = torch.log_softmax(scores, 1).gather(1, torch.zeros(4, 1, dtype=torch.long))
        >>> log_probability(picked), log_probability(-picked), log_probability((picked + 1.0).exp())
        (1, -1, 1)
        >>> log_probability(scores)
        0
    """
    return 0 if values.grad_fn is None else _sign(values.grad_fn)


def _sign(root: Any) -> int:
    """The same, of the node that gave a tensor."""
    base, factor = unscaled(root)
    names = set(map(_name, _leading(base)))
    sign = -1 if factor < 0.0 else 1
    if "NllLoss" in names:
        return -sign
    if names & REDUCED:
        return 0
    classes = "LogSoftmax" in names or {"Logsumexp", "Sub"} <= names or {"Log", "Softmax"} <= names
    # That of a normal density is -(x - m)^2 / (2 v) less the logarithm of the deviation.
    density = {"Pow", "Neg", "Div", "Sub"} <= names
    picked = bool(names & PICKS) or _picks(root)
    return sign if (classes and picked) or density else 0


def scores(values: Tensor) -> Any:
    """The node of the scores that a softmax makes the probabilities of, whose logarithm a tensor is; None without one.

    Args:
        values: With its graph.

    Examples:
        >>> import torch
        >>> scale = torch.ones(4, 3, requires_grad=True)
        >>> picked = torch.log_softmax(scale.tanh(), 1).gather(1, torch.zeros(4, 1, dtype=torch.long))
        >>> scores(picked).name()
        'TanhBackward0'
    """
    softmax = (node for node in _leading(values.grad_fn) if operation(node) in ("LogSoftmax", "Logsumexp"))
    found = next(softmax, None) or next((n for n in _leading(values.grad_fn) if operation(n) == "Softmax"), None)
    return None if found is None else found.next_functions[0][0]


def ratio(values: Tensor) -> Literal["", "itself", "logarithms"]:
    r"""What is wrong with a ratio of probabilities: nothing, a gradient in both, or logarithms that are divided.

    Args:
        values: A ratio of probabilities, perhaps clamped.

    Examples:
        >>> import torch
        >>> scale = torch.ones(4, 3, requires_grad=True)
        >>> picked = torch.log_softmax(scale.tanh(), 1).gather(1, torch.zeros(4, 1, dtype=torch.long))
        >>> old = picked.detach()
        >>> ratio((picked - old).exp()), ratio((picked - picked.clone()).exp()), ratio(picked / old)
        ('', 'itself', 'logarithms')
    """
    node = _past(values.grad_fn, TRANSPARENT | {"Clamp"})
    if node is None or operation(node) not in ("Exp", "Div"):
        return ""
    inner = _past(node.next_functions[0][0], TRANSPARENT)
    if inner is None:
        return ""
    if operation(node) == "Exp":
        parts = [successor for successor, _ in inner.next_functions] if operation(inner) == "Sub" else []
        return "itself" if len(parts) == BOTH and all(part is not None and _sign(part) for part in parts) else ""
    by, given = saved(node, "_saved_other"), values.detach()
    data = isinstance(by, Tensor) and not by.requires_grad and by.numel() == values.numel() > 1
    near = bool((given > 0.0).all()) and LEAST < float(given.median()) < 1.0 / LEAST
    return "logarithms" if data and near and _sign(inner) else ""


def _past(node: Any, names: Set[str]) -> Any:
    """The nearest node before one that is none of some operations."""
    while node is not None and operation(node) in names and node.next_functions:
        node = node.next_functions[0][0]
    return node


def _leading(root: Any) -> Iterator[Any]:
    """The operations that lead to a node, up to the layers of a network."""
    seen, queue = {root}, [root]
    for node in queue:
        if operation(node) in ENDS or len(seen) > MOST_NODES:
            continue
        yield node
        several = node.next_functions if operation(node) not in JOINED else node.next_functions[:OF_MANY]
        for successor, _ in several:
            if successor is not None and successor not in seen:
                seen.add(successor)
                queue.append(successor)


def _name(node: Any) -> str:
    """What an operation counts as."""
    name = operation(node)
    if name == "NllLoss" and node._saved_reduction:
        return "Mean"
    return "Weighted" if _is_weighted(node) else name


def _is_weighted(node: Any) -> bool:
    """Whether a node multiplies by data, several numbers of them."""
    factors = [saved(node, key) for key in ("_saved_self", "_saved_other")] if operation(node) == "Mul" else []
    return any(isinstance(one, Tensor) and not one.requires_grad and one.numel() > 1 for one in factors)


def _picks(node: Any) -> bool:
    """Whether entries were picked among what lies between a tensor and what it is a constant times of."""
    for _ in range(MOST_NODES):
        if operation(node) in PICKS:
            return True
        known = [successor for successor, _ in node.next_functions if successor is not None]
        if len(known) != 1:
            return False
        node = known[0]
    return False
