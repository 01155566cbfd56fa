"""The Gauss-Newton matrix of a loss, as a product with vectors: the part of the Hessian that is never negative."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unstuck.second_order.hessian import flat

__all__ = ["GaussNewton"]


class GaussNewton:
    r"""The Hessian as it would be, were the outputs linear in the weights.

    .. math:: G v = J^T H_L J v, \qquad J = \partial z / \partial w, \qquad H_L = \partial^2 L / \partial z^2

    It has no negative eigenvalue where the loss is convex in the outputs z, as squared error and cross-entropy are. The
    product with J is the derivative of :math:`J^T u` by u, which is linear in u, so that reverse mode does.

    Args:
        loss: A scalar with its graph.
        outputs: The tensor of that graph by which the loss is convex.
        weights: Leaves of the graph.

    Raises:
        RuntimeError: An operation cannot be differentiated twice; also at a product.

    Source: Schraudolph (2002), "Fast curvature matrix-vector products for second-order gradient descent".

    Examples:
        >>> w = torch.tensor([3.0], requires_grad=True)
        >>> outputs = w**2
        >>> GaussNewton((outputs**2).sum(), outputs, [w])(torch.ones(1)).item()  # 6 * 2 * 6
        72.0
    """

    def __init__(self, loss: Tensor, outputs: Tensor, weights: Sequence[Tensor]) -> None:
        self._outputs, self._weights = outputs, list(weights)
        with torch.enable_grad():
            (self._by_outputs,) = torch.autograd.grad([loss], [outputs], create_graph=True, retain_graph=True)
            self._dummy = torch.zeros_like(outputs, requires_grad=True)
            self._transposed = flat(self._back(self._dummy, create_graph=True))

    def __call__(self, vector: Tensor) -> Tensor:
        """The product, in double precision; computed in that of the weights."""
        if not self._transposed.requires_grad or not self._by_outputs.requires_grad:
            return torch.zeros_like(self._transposed, dtype=torch.float64)
        along = vector.to(self._transposed)
        (forward,) = torch.autograd.grad([self._transposed], [self._dummy], [along], retain_graph=True)
        (curved,) = torch.autograd.grad([self._by_outputs], [self._outputs], [forward], retain_graph=True)
        return flat(self._back(curved)).detach().double()

    def _back(self, vector: Tensor, *, create_graph: bool = False) -> tuple[Tensor, ...]:
        return torch.autograd.grad(
            [self._outputs],
            self._weights,
            [vector],
            create_graph=create_graph,
            retain_graph=True,
            materialize_grads=True,
        )
