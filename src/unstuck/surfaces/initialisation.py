"""First weights in pictures: what reaches each layer of a deep network, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unstuck.init import initialize
from unstuck.surfaces.page import Sheet
from unstuck.surfaces.panels import Curve, Panel

__all__ = ["Flow", "flow", "initialisation"]

Floats = NDArray[np.float64]
DEPTH, WIDTH, EXAMPLES, CLASSES = 10, 100, 500, 10
SATURATED = 0.99  #: of tanh, beyond which its slope is below 2%
SCHEMES: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "tanh, N(0, 1)": ("normal", nn.Tanh),
    "tanh, N(0, 0.02²)": ("small", nn.Tanh),
    "tanh, N(0, 1/n)": ("lecun", nn.Tanh),
    "ReLU, N(0, 1/n)": ("lecun", nn.ReLU),
    "ReLU, He: N(0, 2/n)": ("he", nn.ReLU),
}


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What flows through a network before its first step, layer by layer, each of shape (layers,).

    Attributes:
        spread: Root mean square of the outputs.
        saturated: Share of the outputs beyond 0.99, where tanh is nearly flat.
        gradient: Root mean square of the gradient of the loss by the outputs, as a share of that of the last layer.
    """

    spread: Floats
    saturated: Floats
    gradient: Floats


def flow(scheme: str, activation: Callable[[], nn.Module], *, seed: int = 0) -> Flow:
    """Run a batch of standard normal inputs forward and back through ten layers of 100 units.

    Example:
        >>> with_he, without = (flow(scheme, nn.ReLU) for scheme in ("he", "lecun"))
        >>> bool(with_he.spread[-1] > 0.3), bool(without.spread[-1] < 0.05)
        (True, True)
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Sequential(nn.Linear(WIDTH, WIDTH), activation()) for _ in range(DEPTH)]
        model = nn.Sequential(*layers, nn.Linear(WIDTH, CLASSES)).double()
        x = torch.randn(EXAMPLES, WIDTH, dtype=torch.float64)
        labels = torch.randint(CLASSES, (EXAMPLES,))
    initialize(model, scheme, seed=seed)
    outputs: list[Tensor] = []
    for layer in layers:
        x = layer(x)
        x.retain_grad()
        outputs.append(x)
    nn.functional.cross_entropy(model[-1](x), labels).backward()
    returned = np.array([_size(output.grad) for output in outputs])
    return Flow(
        spread=np.array([_size(output) for output in outputs]),
        saturated=np.array([float((output.detach().abs() > SATURATED).double().mean()) for output in outputs]),
        gradient=returned / returned[-1],
    )


def initialisation() -> Sheet:
    """The sheet: five ways to draw the first weights of ten layers, forward and back."""
    flows = {name: flow(*how) for name, how in SCHEMES.items()}

    def curves(values: Callable[[Flow], Floats], *, of: str = "") -> tuple[Curve, ...]:
        return tuple(
            Curve(method=k, values=values(one), name=name)
            for k, (name, one) in enumerate(flows.items())
            if name.startswith(of)
        )

    return Sheet(
        title="First weights: what reaches the last layer, and what comes back",
        text=(
            "A unit sums n inputs, so that its weighted input spreads by the root of n times the weights' own spread. "
            "With N(0, 1) the units of tanh are saturated before training begins, and gradients grow by the weights on "
            "their way back; with 0.02 nothing is left after a few layers; with a variance of 1/n the signal stays. "
            "ReLU sets half of its outputs to zero and needs twice the variance, 2/n (He). A neuron with 1,000 inputs, "
            "half of them 1, spreads by √501 = 22.4 with weights and bias of N(0, 1), and by √1.5 = 1.22 if its "
            "weights have a variance of 1/n (Nielsen)."
        ),
        made_of=(
            f"Made of {DEPTH} layers of {WIDTH} units and {EXAMPLES} standard normal examples, before the first step. "
            "The recipe initialisation trains three of them on digits, and nielsen his network; for your own model, "
            "unstuck.init.compare_initialisations(model, batch):"
        ),
        command="unstuck train initialisation",
        steps=np.arange(1, DEPTH + 1),
        axis="layer",
        heading="what reaches the last layer, and what comes back to the first",
        names=tuple(flows),
        remarks=tuple(_remark(one) for one in flows.values()),
        panels=(
            Panel(
                title="Spread of the outputs",
                read="Root mean square of what leaves each layer. It should neither grow nor shrink.",
                curves=curves(lambda one: one.spread),
            ),
            Panel(
                title="Gradient that comes back",
                read="Root mean square of the loss's gradient by each layer's outputs, as a share of the last layer's.",
                curves=curves(lambda one: one.gradient),
            ),
            Panel(
                title="Saturated units",
                read=f"Share of the outputs of tanh beyond {SATURATED}, where its slope is below 2%.",
                curves=curves(lambda one: one.saturated, of="tanh"),
                log=False,
            ),
        ),
    )


def _size(values: Tensor | None) -> float:
    assert values is not None, "every output has a gradient"
    return float(values.detach().square().mean().sqrt())


def _remark(one: Flow) -> str:
    return f"spread {one.spread[-1]:.2g}; gradient {one.gradient[0]:.2g} of the last layer's"
