"""torch's own functions for the formulas that it has too: fused on the CPU, by lists of tensors on other devices.

A method names its function by ``ObservedOptimizer.torch_step``. What torch calls a number, and where it wants it, is
said here; the mathematics stands in the method's file, and the tests hold the one against the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.optim.adagrad import adagrad as _adagrad
from torch.optim.adam import adam as _adam
from torch.optim.radam import radam as _radam
from torch.optim.rmsprop import rmsprop as _rmsprop
from torch.optim.sgd import sgd as _sgd

__all__ = ["Share", "TorchFunction", "adagrad", "adam", "radam", "rmsprop", "sgd"]


@dataclass(frozen=True, kw_only=True)
class Share:
    """Parameters of one group that take a step together, all float32 or all float64, and on one device.

    Attributes:
        params: Dense tensors, changed in place.
        gradients: Of the same layout as the parameters.
        states: The buffers by name, changed in place; a name that the options leave out is not there.
        counts: The step counts, advanced; empty where the method keeps none.
        numbers: ``lr``, ``weight_decay`` and the formula's own constants.
        switches: The formula's options that are on or off.
        maximize: Climb instead of descend.
        decoupled: Whether weight decay shrinks the weights instead of adding to the gradient.
        first: Whether the buffers hold no gradient yet.
    """

    params: list[Tensor]
    gradients: list[Tensor]
    states: Mapping[str, list[Tensor]]
    counts: list[Tensor]
    numbers: Mapping[str, float]
    switches: Mapping[str, bool]
    maximize: bool
    decoupled: bool
    first: bool

    def pick(self, *names: str) -> dict[str, Any]:
        """Some of the numbers."""
        return {name: self.numbers[name] for name in names}

    @property
    def way(self) -> dict[str, bool]:
        """How torch is asked to work: its fused kernels want the counts on the device, where ours never are."""
        on_cpu = self.params[0].device.type == "cpu"
        return {"fused": on_cpu, "foreach": not on_cpu}


TorchFunction = Callable[[Share], None]


def sgd(share: Share) -> None:
    """The formula of ``SGD``."""
    _sgd(
        share.params,
        share.gradients,
        list(share.states.get("momentum_buffer", [None] * len(share.params))),
        **share.way,
        **share.pick("lr", "momentum", "weight_decay"),
        # a buffer of zeros takes in its first gradient as it is, without dampening
        dampening=0.0 if share.first else share.numbers["dampening"],
        nesterov=share.switches["nesterov"],
        maximize=share.maximize,
    )


def adam(share: Share) -> None:
    """The formula of ``Adam`` and ``AdamW``."""
    peaks = share.states.get("max_exp_avg_sq", [])
    _adam(
        share.params,
        share.gradients,
        share.states["exp_avg"],
        share.states["exp_avg_sq"],
        peaks,
        share.counts,
        **share.way,
        **share.pick("lr", "beta1", "beta2", "eps", "weight_decay"),
        amsgrad=bool(peaks),
        maximize=share.maximize,
        decoupled_weight_decay=share.decoupled,
    )


def adagrad(share: Share) -> None:
    """The formula of ``Adagrad``."""
    _adagrad(
        share.params,
        share.gradients,
        share.states["sum"],
        share.counts,
        **share.way,
        **share.pick("lr", "lr_decay", "eps", "weight_decay"),
        maximize=share.maximize,
    )


def rmsprop(share: Share) -> None:
    """The formula of ``RMSprop`` without centring; where it centres, torch takes roots of rounding below zero."""
    _rmsprop(
        share.params,
        share.gradients,
        share.states["square_avg"],
        [],
        share.states.get("momentum_buffer", []),
        share.counts,
        foreach=True,
        **share.pick("lr", "eps", "momentum", "weight_decay"),
        alpha=share.numbers["rho"],
        centered=False,
        maximize=share.maximize,
    )


def radam(share: Share) -> None:
    """The formula of ``RAdam``."""
    _radam(
        share.params,
        share.gradients,
        share.states["exp_avg"],
        share.states["exp_avg_sq"],
        share.counts,
        foreach=True,
        **share.pick("lr", "beta1", "beta2", "eps", "weight_decay"),
        maximize=share.maximize,
        decoupled_weight_decay=share.decoupled,
    )
