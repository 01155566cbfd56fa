"""The largest rate at which plain descent is stable, beside the one in use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer

__all__ = ["RateLimit", "RateUse", "rate_in_use", "rate_limit"]

EDGE = 0.8
"""Share of the bound from which training is at the edge of stability (our choice; Cohen et al. see 0.9 to 1.1)."""

PLAIN = ("SGD", "Momentum", "AveragedMomentum", "Nesterov", "LookAheadNesterov")
"""Methods whose stability on a quadratic is that of a recurrence with constant coefficients."""


@dataclass(frozen=True, kw_only=True)
class RateUse:
    """How weights are moved.

    Attributes:
        method: Name of the optimizer's class.
        rate: The learning rate; the largest of all groups.
        momentum: Its momentum, from 0.
        damping: Share of each gradient that does not enter the velocity: torch's ``dampening``.
        nesterov: Whether it looks ahead.
        weight_decay: What the optimizer adds to all curvatures.
    """

    method: str
    rate: float
    momentum: float = 0.0
    damping: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether it steps along the gradient, or an average of gradients, and scales no weight by itself."""
        return self.method in PLAIN


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """The bound on the rate.

    Attributes:
        largest: The largest stable rate; infinite where no curvature is positive.
        use: How weights are moved; None where that is not known.
        plain: 2 / lambda_max, that of descent without momentum.
    """

    largest: float
    use: RateUse | None
    plain: float

    @property
    def share(self) -> float | None:
        """The rate in use over the bound; None where it is not known, or where the bound is not for that method."""
        return self.use.rate / self.largest if self.use and self.use.plain else None

    @property
    def warning(self) -> str:
        """What the rate in use does there; empty where it is safely below."""
        if self.use is None or self.share is None or self.share < EDGE:
            return ""
        if self.share <= 1.0 / EDGE:
            return (
                f"edge of stability: the rate {self.use.rate:.3g} is {self.share:.0%} of the largest stable one; the "
                "loss falls over many steps and swings from one to the next"
            )
        return (
            f"the rate {self.use.rate:.3g} is {self.share:.3g} times the largest stable one: along the sharpest "
            f"direction each step overshoots and the error grows; try a rate below {self.largest:.2g}"
        )


def rate_limit(sharpness: float, use: RateUse | None = None) -> RateLimit:
    r"""The largest rate at which descent on a quadratic of that curvature does not diverge.

    .. math:: \eta < \frac{2}{\lambda}, \qquad \eta < \frac{2 (1 + \mu)}{(1 - d) \lambda}, \qquad
        \eta < \frac{2 (1 + \mu)}{(1 + 2 \mu) \lambda}

    without momentum, with heavy-ball momentum :math:`\mu` (of which a share d of each gradient is left out), and with
    Nesterov's. Weight decay in the gradient adds to :math:`\lambda`.

    Args:
        sharpness: The largest eigenvalue of the Hessian.
        use: How weights are moved.

    Source: Cohen et al. (2021), "Gradient descent on neural networks typically occurs at the edge of stability",
    appendix B.

    Examples:
        >>> rate_limit(4.0).largest
        0.5
        >>> rate_limit(4.0, RateUse(method="SGD", rate=0.1, momentum=0.9)).largest
        0.95
    """
    if not sharpness > 0.0:
        return RateLimit(largest=math.inf, use=use, plain=math.inf)
    if use is None or not use.plain:
        return RateLimit(largest=2.0 / sharpness, use=use, plain=2.0 / sharpness)
    curvature = sharpness + use.weight_decay
    largest = 2.0 * (1.0 + use.momentum) / curvature
    largest /= 1.0 + 2.0 * use.momentum if use.nesterov else 1.0 - use.damping
    return RateLimit(largest=largest, use=use, plain=2.0 / sharpness)


def rate_in_use(optimizer: Optimizer, *, rate: float | None = None) -> RateUse | None:
    """Read an optimizer's constants.

    Args:
        optimizer: Any optimizer of torch's interface.
        rate: The rate in use where it is known to have changed since.

    Returns:
        None where it has no rate.
    """
    name = type(optimizer).__name__
    groups: list[Mapping[str, Any]] = [group for group in optimizer.param_groups if "lr" in group]
    if not groups:
        return None
    group = max(groups, key=lambda group: float(group["lr"]))
    momentum = float(group.get("momentum", 0.0) or 0.0)
    return RateUse(
        method=name,
        rate=float(group["lr"]) if rate is None else rate,
        momentum=momentum,
        damping=momentum if name == "AveragedMomentum" else float(group.get("dampening", 0.0) or 0.0),
        nesterov="Nesterov" in name or bool(group.get("nesterov", False)),
        weight_decay=float(group.get("weight_decay", 0.0) or 0.0),
    )
