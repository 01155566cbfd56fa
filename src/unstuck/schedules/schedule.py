"""The base of every schedule: a pure function of time, held by a torch ``LRScheduler``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from unstuck.schedules import arguments, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Quantity = Literal["lr", "momentum"]
Group = dict[str, Any]


class Schedule(LRScheduler, ABC):
    r"""A rate (or momentum) that is a pure function of the number of steps taken.

    .. math:: \eta_n = \mathrm{value}(\lfloor n / \mathrm{steps\_per\_epoch} \rfloor, \eta_\mathrm{base})

    Here n counts the calls of :meth:`step` and the base is each parameter group's value when the schedule was built.
    Call ``step()`` once a batch or once an epoch. To call it once a batch while the formula counts epochs,
    give ``steps_per_epoch``.

    PyTorch's own schedulers multiply the present rate at each step (the chainable form), so that rounding
    adds up and the rate depends on what else touched it. The closed form does not: state is the count alone, a resumed
    run repeats the uninterrupted one bit for bit, and :meth:`curve` looks ahead without touching the optimizer. The
    price is that a closed form overwrites what another scheduler wrote: combine schedules with
    :class:`~unstuck.schedules.ChainedScheduler`, not with the class of that name in torch.

    Args:
        optimizer: Any ``torch.optim.Optimizer``; a rate held in a tensor is written in place.
        last_epoch: As in torch: -1 to start, or the count to resume from if the groups carry ``initial_lr``.
        steps_per_epoch: Calls of ``step()`` for which the formula's time stands still, default 1.

    Raises:
        TypeError: If ``optimizer`` is not an optimizer, or a count is not a whole number.
        ValueError: If a count is out of range.
        KeyError: If ``last_epoch`` resumes and a group does not carry its initial value.
    """

    quantity: Quantity = "lr"

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1, *, steps_per_epoch: int = 1) -> None:
        optimizer = arguments.optimizer(optimizer)
        self.steps_per_epoch = arguments.count("steps_per_epoch", steps_per_epoch)
        self._parts: tuple[Schedule, ...] = getattr(self, "_parts", ())
        last_epoch = arguments.count("last_epoch", last_epoch, least=-1)
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch >= 0 and f"initial_{self.quantity}" not in group:
                raise KeyError(
                    f"last_epoch={last_epoch} resumes, but group {index} has no 'initial_{self.quantity}': load the "
                    "optimizer's saved state first, or start with last_epoch=-1 and call load_state_dict"
                )
        self.bases = [_initial(group, self.quantity) for group in optimizer.param_groups]
        super().__init__(optimizer, last_epoch)

    @abstractmethod
    def value(self, t: int, base: float) -> float:
        """Return the value at time ``t`` (0, 1, ...) of a group whose base value is ``base``."""

    @property
    @abstractmethod
    def horizon(self) -> int:
        """Time units that show the shape of the curve: how far :meth:`plot` looks by default."""

    def at(self, n: int, base: float) -> float:
        """Return the value after ``n`` calls of :meth:`step` for a group whose base value is ``base``."""
        return self.value(n // self.steps_per_epoch, base)

    def curve(self, steps: int, *, group: int = 0) -> NDArray[np.float64]:
        """Return the first ``steps`` values of a parameter group, from the start; the optimizer is not touched."""
        base = self.bases[group]
        return np.array([self.at(n, base) for n in range(arguments.count("steps", steps))])

    def sparkline(self, steps: int | None = None, *, width: int = 60) -> str:
        """Return the curve of the first parameter group as one line of text."""
        return drawing.sparkline(self.curve(self._calls if steps is None else steps), width=width)

    def plot(self, steps: int | None = None) -> Figure:
        """Return a matplotlib figure of the first ``steps`` values, one line for each different parameter group.

        Raises:
            MissingPackageError: If matplotlib is missing (``pip install 'unstuck[plot]'``).
        """
        length = self._calls if steps is None else steps
        curves = {
            f"group {index}, base {base:g}": self.curve(length, group=index)
            for index, base in enumerate(self.bases)
            if base not in self.bases[:index]
        }
        name = {"lr": "learning rate", "momentum": "momentum"}[self.quantity]
        return drawing.figure(curves, title=type(self).__name__, quantity=name, now=self.last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """Return the rate of each group for the present count (torch calls this from ``step``)."""
        if self.quantity != "lr":
            return [_clone(group["lr"]) for group in self.optimizer.param_groups]
        return list(self._present())

    # torch's SequentialLR restarts its parts through this name.
    _get_closed_form_lr = get_lr

    def step(self, epoch: int | None = None) -> None:
        """Count one step and write the new value into every parameter group."""
        super().step(epoch)
        if self.quantity == "momentum":
            self._write()

    def get_last_momentum(self) -> list[float]:
        """Return the momentum (or first beta) that each group has now."""
        return [float(_momentum(group)) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, with the state of the parts of a combined schedule."""
        state = {key: value for key, value in self.__dict__.items() if key not in ("optimizer", "_parts")}
        if self._parts:
            state["parts"] = [part.state_dict() for part in self._parts]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume from :meth:`state_dict`, or from that of the torch scheduler of the same name.

        Unlike torch, this also writes the resumed value into the optimizer, so that the order in which optimizer
        and schedule are loaded does not matter.

        Raises:
            ValueError: If the state is that of another kind of schedule.
        """
        self._restore(state_dict)
        self._write()

    def _restore(self, state: Mapping[str, Any]) -> None:
        parts = cast("list[dict[str, Any]]", state.get("parts", []))
        own = {key: value for key, value in state.items() if key != "parts"}
        missing, unexpected = _public(self.state_dict()) - _public(state), _public(state) - _public(self.state_dict())
        # A torch scheduler's state has neither of these; its own base_lrs say the same as bases.
        missing -= {"bases", "steps_per_epoch"}
        if missing or unexpected or len(parts) != len(self._parts):
            raise ValueError(
                f"state_dict is not that of a {type(self).__name__} of {len(self._parts)} parts: "
                f"missing keys {sorted(missing)}, unexpected keys {sorted(unexpected)}, {len(parts)} parts; "
                "load it into a schedule built as the saved one was"
            )
        if "bases" not in own and self.quantity == "lr":
            own["bases"] = [float(base) for base in own["base_lrs"]]
        vars(self).update(own)
        for part, part_state in zip(self._parts, parts, strict=True):
            part._restore(part_state)

    @property
    def _calls(self) -> int:
        return self.horizon * self.steps_per_epoch + 1

    def _present(self) -> list[float]:
        # A group added after the schedule was built starts from the value it came with.
        for group in self.optimizer.param_groups[len(self.bases) :]:
            self.bases.append(_initial(group, self.quantity))
        return [self.at(self.last_epoch, base) for base in self.bases]

    def _write(self) -> None:
        for group, value in zip(self.optimizer.param_groups, self._present(), strict=True):
            _set(group, self.quantity, value)
        self._last_lr = [_clone(group["lr"]) for group in self.optimizer.param_groups]


def require_schedule(name: str, value: object) -> None:
    """Raise TypeError unless ``value``, given as argument ``name``, is a :class:`Schedule`."""
    if not isinstance(value, Schedule):
        raise TypeError(
            f"{name} must be a schedule of unstuck.schedules that depends on the count alone, got "
            f"{type(value).__name__}; to warm up a plateau use ReduceLROnPlateau(optimizer, warmup_steps=...)"
        )


def _public(state: Mapping[str, Any]) -> set[str]:
    return {key for key in state if not key.startswith("_")}


def _clone(value: float | Tensor) -> float | Tensor:
    return value.clone() if isinstance(value, Tensor) else value


def _momentum(group: Group) -> float | Tensor:
    if "momentum" in group:
        return group["momentum"]
    if "betas" in group:
        return group["betas"][0]
    raise ValueError(
        f"a momentum schedule needs parameter groups with 'momentum' or 'betas', got one with {sorted(group)}: "
        "use an optimizer that has momentum, such as SGD, RMSprop or Adam"
    )


def _initial(group: Group, quantity: Quantity) -> float:
    present = group["lr"] if quantity == "lr" else _momentum(group)
    return float(group.setdefault(f"initial_{quantity}", _clone(present)))


def _set(group: Group, quantity: Quantity, value: float) -> None:
    key = "betas" if quantity == "momentum" and "momentum" not in group else quantity
    present = group[key][0] if key == "betas" else group[key]
    if isinstance(present, Tensor):
        present.fill_(value)
    elif key == "betas":
        group[key] = (value, *group[key][1:])
    else:
        group[key] = value
