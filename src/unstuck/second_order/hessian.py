"""The Hessian of a loss, as a product with vectors: double backward."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.autograd.graph import Node

__all__ = ["Hessian", "flat"]


class Hessian:
    r"""The second derivatives of a scalar by weights, of which no entry is computed.

    .. math:: H v = \nabla_w (g(w)^T v), \qquad g = \nabla_w L

    The gradient is computed once, with a graph of its own; each product is one backward pass through that graph. The
    graph of the loss is left as it was, and so is every ``.grad``.

    Args:
        loss: A scalar with its graph.
        weights: Tensors of that graph; those that the loss does not depend on have zeros.

    Raises:
        RuntimeError: An operation cannot be differentiated twice; also at a product.

    Source: Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation 6.

    Examples:
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> hessian = Hessian(w[0] ** 2 * w[1], [w])
        >>> hessian.gradient.tolist(), hessian(torch.tensor([1.0, 0.0])).tolist()
        ([4.0, 1.0], [4.0, 2.0])
    """

    def __init__(self, loss: Tensor, weights: Sequence[Tensor]) -> None:
        self._weights = list(weights)
        with torch.enable_grad():  # of our own work no graph is kept otherwise
            self._gradient = flat(
                torch.autograd.grad([loss], self._weights, create_graph=True, retain_graph=True, materialize_grads=True)
            )
        _refuse_cut_graph(self._gradient)

    @property
    def gradient(self) -> Tensor:
        """The gradient, all weights in one row."""
        return self._gradient.detach()

    @property
    def zero(self) -> bool:
        """Whether the loss is linear in all weights, so that the Hessian is zero."""
        return not self._gradient.requires_grad

    def __call__(self, vector: Tensor) -> Tensor:
        """The product, in double precision; computed in that of the weights."""
        if self.zero:
            return torch.zeros_like(self._gradient, dtype=torch.float64)
        along = vector.to(device=self._gradient.device, dtype=self._gradient.dtype)
        products = torch.autograd.grad(
            [self._gradient], self._weights, [along], retain_graph=True, materialize_grads=True
        )
        return flat(products).detach().double()


def _refuse_cut_graph(gradient: Tensor) -> None:
    """Raise for a function marked with ``once_differentiable``.

    Its error is a node that leads to no weight, so that a backward pass which asks for weights alone passes it by.
    """
    seen: set[Node] = set()
    waiting = [gradient.grad_fn] if gradient.grad_fn is not None else []
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.name() == "torch::autograd::Error":
            raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")
        waiting += [parent for parent, _ in node.next_functions if parent is not None]


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """All entries in one row; sparse gradients become dense."""
    return torch.cat([(t.to_dense() if t.is_sparse else t).reshape(-1) for t in tensors])
