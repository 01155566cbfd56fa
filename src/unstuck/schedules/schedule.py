"""The base of every schedule: a pure function of time, held by a torch ``LRScheduler``."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from unstuck.schedules import arguments, drawing, groups
from unstuck.schedules.groups import Group, Quantity, Trace
from unstuck.schedules.straight import base_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_built = count()
_NOT_SAVED = ("optimizer", "_parts", "_built", "_found", "_traces")
_CALLER = 5  #: frames from a warning to the user's call of ``step``


class Schedule(LRScheduler, ABC):
    r"""A rate (or momentum) that is a pure function of the number of steps taken.

    .. math:: \eta_n = \mathrm{value}(\lfloor n / \mathrm{steps\_per\_epoch} \rfloor, \eta_\mathrm{base})

    Here n counts the calls of :meth:`step` and the base is each parameter group's value when the schedule was built.
    Call ``step()`` once a batch or once an epoch. To call it once a batch while the formula counts epochs,
    give ``steps_per_epoch``.

    PyTorch's own schedulers multiply the present rate at each step (the chainable form), so that rounding adds up.
    In the closed form a resumed run repeats the uninterrupted one bit for bit, and :meth:`curve` looks ahead without
    touching the optimizer. Still the rate is not ours alone: where somebody else changed it since the last step, by
    hand or by another scheduler, the base becomes the one whose curve passes through the new value. So a rate set by
    hand is kept and scaled from there, and schedules compose under torch's ``ChainedScheduler`` and ``SequentialLR``
    as torch's own do. Where the formula leaves no room for a base, as in :class:`~unstuck.schedules.LinearMomentum`,
    a value set by hand is overwritten with a warning.

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
        self._built = next(_built)
        for part in sorted(set(self._parts), key=lambda part: part._built, reverse=True):
            part._take_back()
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
        """Return the rate that each group has now."""
        return [groups.clone(group["lr"]) for group in self.optimizer.param_groups]

    def get_last_momentum(self) -> list[float]:
        """Return the momentum (or first beta) that each group has now."""
        return [float(groups.read(group, "momentum")) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, with the state of the parts of a combined schedule."""
        state = {key: value for key, value in self.__dict__.items() if key not in _NOT_SAVED}
        state["_present"] = self._read()
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
        present = self._restore(state_dict)
        for group, value in zip(self.optimizer.param_groups, present, strict=False):
            groups.write(group, self.quantity, value)
        self._last_lr = self.get_lr()

    def _restore(self, state: Mapping[str, Any]) -> list[float]:
        """Take over a state, and return the values that the groups had when it was saved."""
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
        if len(own["bases"]) > len(self.optimizer.param_groups):
            raise ValueError(
                f"state_dict is that of {len(own['bases'])} parameter groups, the optimizer has "
                f"{len(self.optimizer.param_groups)}: build it with the groups that the saved one had"
            )
        vars(self).update(own)
        for part, part_state in zip(self._parts, parts, strict=True):
            part._restore(part_state)
        expected = [self.at(self.last_epoch, base) for base in self.bases]
        self._since = own.get("_since", self.last_epoch)
        self._own = own.get("_own", expected)
        self._traces = [*self._own]
        saved = own.get("_present", own.get("_last_lr") if self.quantity == "lr" else expected)
        return [float(value) for value in saved]

    @property
    def _calls(self) -> int:
        return self.horizon * self.steps_per_epoch + 1

    def _read(self) -> list[float]:
        return [float(groups.read(group, self.quantity)) for group in self.optimizer.param_groups]

    def _initial(self, group: Group) -> float:
        """The value that a group had before any schedule."""
        present = groups.clone(groups.read(group, self.quantity))
        return float(group.setdefault(f"initial_{self.quantity}", present))

    def _initial_step(self) -> None:
        """Begin from what stands in the groups, as torch's chainable schedulers do."""
        self._found = self._read()
        initial = [self._initial(group) for group in self.optimizer.param_groups]
        self.bases = list(self._found)
        if self.last_epoch >= 0:
            self.bases = list(map(self._resumed_base, initial, self._found))
        self._own = list(self._found)
        self._traces: list[Trace] = [*self._found]
        self._since: int | None = None
        super()._initial_step()

    def _update_lr(self, epoch: int | None = None) -> None:
        """Count a step and write; or restart at a count, as torch's ``SequentialLR`` does with its parts."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        for index, group in enumerate(self.optimizer.param_groups):
            if index == len(self.bases):
                self._join(group)
            if epoch is None:
                self._follow(index, group)
            else:
                self.bases[index] = self._initial(group)
                self._write(index, group)
        self._since = self.last_epoch
        self._last_lr = self.get_lr()

    def _resumed_base(self, initial: float, present: float) -> float:
        if present in (initial, self.at(self.last_epoch, initial)):
            return initial
        base = base_of(partial(self.at, self.last_epoch), present)
        return initial if base is None else base

    def _join(self, group: Group) -> None:
        """Take in a group that was added after the schedule was built, at the value it came with."""
        self.bases.append(self._initial(group))
        self._own.append(math.nan)
        self._traces.append(math.nan)

    def _follow(self, index: int, group: Group) -> None:
        """Write the value for the present count, unless it is that of the last one; what others wrote is kept."""
        since = self._since
        if since is None:
            self._write(index, group)
            return
        moved = self._moved_to(index, group)
        base = self.bases[index]
        if moved is not None:
            base = self._base_through(moved, since, group)
        elif base != self._initial(group) and base_of(partial(self.at, since), self._own[index]) is None:
            base = self._base_past(self._own[index], since, group) or base
        if base is not None:
            self.bases[index] = base
        if self.at(self.last_epoch, self.bases[index]) != self.at(since, self.bases[index]):
            if base is None:
                self._warn_of_overwriting(index, moved)
            self._write(index, group)
        elif base is not None and moved is not None:
            self._own[index], self._traces[index] = moved, groups.trace(groups.read(group, self.quantity))

    def _moved_to(self, index: int, group: Group) -> float | None:
        """The value that somebody else wrote since the last step; None if nobody did."""
        present = groups.read(group, self.quantity)
        if groups.untouched(present, self._traces[index]):
            return None
        value = float(present)
        return None if value == self._own[index] else value

    def _base_through(self, value: float, since: int, group: Group) -> float | None:
        """The base whose curve has a value at a count; None if no base leads there, nor past it."""
        base = base_of(partial(self.at, since), value)
        return self._base_past(value, since, group) if base is None else base

    def _base_past(self, value: float, since: int, group: Group) -> float | None:
        """Where all bases meet, as at the bottom of a cosine, go on by the initial one's difference, as torch does."""
        initial = self._initial(group)
        change = self.at(self.last_epoch, initial) - self.at(since, initial)
        return base_of(partial(self.at, self.last_epoch), value + change)

    def _write(self, index: int, group: Group) -> None:
        value = self.at(self.last_epoch, self.bases[index])
        self._own[index] = groups.write(group, self.quantity, value)
        self._traces[index] = groups.trace(groups.read(group, self.quantity))

    def _warn_of_overwriting(self, index: int, moved: float | None) -> None:
        warnings.warn(
            f"the {self.quantity} of group {index} was set to {moved!r}, but {type(self).__name__} follows its formula "
            "whatever it is set to, and overwrites it; to keep it, stop calling the schedule's step()",
            UserWarning,
            stacklevel=_CALLER,
        )

    def _take_back(self) -> None:
        """Leave in the groups what would stand there without this schedule, for one that is made of it."""
        for index, (group, present) in enumerate(zip(self.optimizer.param_groups, self._read(), strict=False)):
            if index >= len(self._found):
                return
            undone = base_of(partial(self.at, self.last_epoch), present)
            if present == self._own[index]:
                undone = self._found[index]
            if undone is not None:
                groups.write(group, self.quantity, undone)


def require_schedule(name: str, value: object) -> None:
    """Raise TypeError unless ``value``, given as argument ``name``, is a :class:`Schedule`."""
    if not isinstance(value, Schedule):
        raise TypeError(
            f"{name} must be a schedule of unstuck.schedules that depends on the count alone, got "
            f"{type(value).__name__}; to warm up a plateau use ReduceLROnPlateau(optimizer, warmup_steps=...)"
        )


def _public(state: Mapping[str, Any]) -> set[str]:
    return {key for key in state if not key.startswith("_")}
