"""Cut the rate when a metric has stopped improving."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, SupportsFloat, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim import Optimizer, lr_scheduler

from unstuck.schedules import arguments, drawing
from unstuck.schedules.groups import write
from unstuck.schedules.warmup import ramp

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@final
class ReduceLROnPlateau(lr_scheduler.ReduceLROnPlateau):
    r"""Multiply the rate by ``factor`` once ``patience`` epochs in a row bring no improvement.

    .. math:: \eta \leftarrow \max(\eta \cdot \mathrm{factor}, \eta_\min)

    A subclass of torch's class of the same name, with its arguments and its behaviour, and besides: a warm-up,
    a picture, and checks of the arguments. The metric is given to ``step(metric)``. The rate depends on the metrics, so
    :meth:`curve` and :meth:`plot` ask for some.

    Args:
        optimizer: Any ``torch.optim.Optimizer``.
        mode: "min" if lower metrics are better, "max" if higher.
        factor: Of each cut, from 0 to below 1; default 0.1.
        patience: Epochs without improvement that are tolerated; the cut comes after the next; default 10.
        threshold: Least improvement that counts, at least 0.
        threshold_mode: "rel" measures it against the best metric, "abs" in the metric's units.
        cooldown: Epochs after a cut in which bad ones are not counted.
        min_lr: Floor of the rate, one number or one for each group.
        eps: Cuts smaller than this are not made.
        warmup_steps: Calls of ``step()`` of a linear climb to the base rate before it all begins; metrics of the climb
            do not count. Default 0.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    >>> ReduceLROnPlateau(optimizer, factor=0.5, patience=1).curve([3.0, 2.0, 2.0, 2.0, 2.0])
    array([1. , 1. , 1. , 1. , 0.5, 0.5])
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
        *,
        warmup_steps: int = 0,
    ) -> None:
        for name, choice, accepted in (
            ("mode", mode, ("min", "max")),
            ("threshold_mode", threshold_mode, ("rel", "abs")),
        ):
            if choice not in accepted:
                raise ValueError(f"{name} must be one of {accepted}, got {choice!r}")
        super().__init__(
            arguments.optimizer(optimizer),
            mode,
            arguments.number("factor", factor, below=1.0),
            arguments.count("patience", patience, least=0),
            arguments.number("threshold", threshold),
            threshold_mode,
            arguments.count("cooldown", cooldown, least=0),
            [arguments.number("min_lr", low) for low in min_lr]
            if isinstance(min_lr, (list, tuple))
            else arguments.number("min_lr", min_lr),
            arguments.number("eps", eps),
        )
        self.warmup_steps = arguments.count("warmup_steps", warmup_steps, least=0)
        self.peaks = [float(group["lr"]) for group in optimizer.param_groups]
        if self.warmup_steps:
            self._climb()

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:
        """Take the epoch's metric into account, and cut the rate if it is time.

        Raises:
            TypeError: If ``metrics`` is not a number.
        """
        current = arguments.metric("metrics", metrics)
        if self.last_epoch < self.warmup_steps:
            self._take_over()
            self.last_epoch += 1
            self._climb()
        else:
            super().step(current, epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, the rates that its groups have now among it."""
        self._take_over()
        return super().state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from :meth:`state_dict`, or from that of torch's class of this name.

        Unlike torch, this also writes the resumed rates into the optimizer, so that the order in which optimizer and
        schedule are loaded does not matter.

        Raises:
            ValueError: If the state is that of another kind of schedule.
        """
        missing = {"best", "num_bad_epochs", "cooldown_counter"} - state_dict.keys()
        if missing:
            raise ValueError(
                f"state_dict is not that of a ReduceLROnPlateau: missing keys {sorted(missing)}; "
                "load it into a schedule built as the saved one was"
            )
        super().load_state_dict(state_dict)
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=False):
            write(group, "lr", float(rate))

    def curve(self, metrics: Sequence[float], *, group: int = 0) -> NDArray[np.float64]:
        """Return the rates that a fresh schedule of these settings would give for ``metrics``: one more than there are.

        The optimizer and this schedule are not touched.
        """
        stand_in = torch.optim.SGD([torch.zeros(1)], lr=self.peaks[group])
        twin = copy.copy(self)
        twin.optimizer, twin.last_epoch, twin.peaks = stand_in, 0, [self.peaks[group]]
        twin.min_lrs = [self.min_lrs[group]]
        twin._reset()
        if twin.warmup_steps:
            twin._climb()
        rates = [float(stand_in.param_groups[0]["lr"])]
        for metric in metrics:
            twin.step(metric)
            rates.append(float(stand_in.param_groups[0]["lr"]))
        return np.array(rates)

    def plot(self, metrics: Sequence[float] | None = None) -> Figure:
        """Return a matplotlib figure of the rates for ``metrics`` (by default a metric that never improves).

        Raises:
            MissingPackageError: If matplotlib is missing (``pip install 'unstuck[plot]'``).
        """
        if metrics is None:
            metrics = [math.nan] * (self.warmup_steps + 4 * (self.patience + 1 + self.cooldown))
        curves = {
            f"group {index}, base {peak:g}": self.curve(metrics, group=index)
            for index, peak in enumerate(self.peaks)
            if peak not in self.peaks[:index]
        }
        return drawing.figure(curves, title=type(self).__name__, quantity="learning rate", now=self.last_epoch)

    def _climb(self) -> None:
        share = ramp(self.last_epoch, steps=self.warmup_steps, start_factor=None)
        climbing = zip(self.optimizer.param_groups, self.peaks, strict=False)
        self._last_lr = [write(group, "lr", peak * share) for group, peak in climbing]

    def _take_over(self) -> None:
        """Keep rates that were set by hand: during the climb, the peak moves with them."""
        present = self._rates()
        if self.last_epoch < self.warmup_steps:
            share = ramp(self.last_epoch, steps=self.warmup_steps, start_factor=None)
            self.peaks = [
                peak if now == float(before) else now / share
                for peak, now, before in zip(self.peaks, present, self._last_lr, strict=False)
            ]
        self._last_lr = [*present]

    def _rates(self) -> list[float]:
        return [float(group["lr"]) for group in self.optimizer.param_groups]
