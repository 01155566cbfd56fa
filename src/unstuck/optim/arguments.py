"""What an optimizer's arguments may be, and what to say when they are not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

from unstuck.errors import ArgumentError

__all__ = [
    "NOT_NEGATIVE",
    "UNIT",
    "Accepted",
    "Range",
    "check_group",
    "check_in_no_other_group",
    "check_parameters",
    "check_tensors",
    "require_some",
]


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from ``low`` on; below ``high`` where there is one."""

    low: float = 0.0
    high: float = math.inf

    def __str__(self) -> str:
        above = "" if self.high == math.inf else f" and below {self.high:g}"
        return f"a finite number of at least {self.low:g}{above}"

    def check(self, name: str, value: Any) -> None:
        """Raise ``ArgumentError`` where ``value`` is outside; a tensor of one element counts as a number."""
        if isinstance(value, torch.Tensor):
            if value.numel() != 1:
                raise ArgumentError(f"{name}: received a tensor of {value.numel()} elements; accepted is {self}")
            if value.device.type == "meta" or torch.compiler.is_compiling():
                return
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise ArgumentError(f"{name}: received {value!r} of type {type(value).__name__}; accepted is {self}")
        if not (self.low <= value < self.high and math.isfinite(value)):
            raise ArgumentError(f"{name}: received {value!r}; accepted is {self}")


NOT_NEGATIVE = Range()  #: rates, decays, epsilons
UNIT = Range(high=1.0)  #: shares of the past that a running average keeps
Accepted = Mapping[str, Range | tuple[Range, ...]]  #: the numbers of a parameter group, each with its range


def check_group(group: Mapping[str, Any], accepted: Accepted, *, where: str) -> None:
    """Raise ``ArgumentError`` for the first number of a parameter group that is not accepted."""
    for name, ranges in accepted.items():
        value = group[name]
        if isinstance(ranges, Range):
            ranges.check(f"{where}{name}", value)
            continue
        if not isinstance(value, Iterable) or len(items := list(value)) != len(ranges):
            raise ArgumentError(
                f"{where}{name}: received {value!r}; accepted are {len(ranges)} numbers, as in (0.9, 0.999)"
            )
        for k, (item, allowed) in enumerate(zip(items, ranges, strict=True)):
            allowed.check(f"{where}{name}[{k}]", item)
    if group.get("fused") and (group.get("foreach") or group.get("differentiable")):
        other = "foreach" if group.get("foreach") else "differentiable"
        raise ArgumentError(f"{where}fused: received True together with {other}=True; accepted is one of them")


def check_tensors(group: Mapping[str, Any], *, where: str) -> None:
    """Raise ``ArgumentError`` for a rate or betas that torch's Adam does not take as tensors."""
    numbers = {"lr": group["lr"], **{f"betas[{k}]": beta for k, beta in enumerate(group["betas"])}}
    tensors = [name for name, value in numbers.items() if isinstance(value, torch.Tensor)]
    if tensors and group.get("foreach") and not group.get("capturable"):
        raise ArgumentError(
            f"{where}{tensors[0]}: received a tensor; {tensors[0]} as a Tensor is not supported for capturable=False "
            "and foreach=True: leave foreach out, or pass a number"
        )
    if len(betas := [name for name in tensors if name != "lr"]) == 1:
        raise ArgumentError(
            f"{where}betas: received {group['betas']!r}, of which {betas[0]} is a tensor; betas must be either both "
            "floats or both Tensors"
        )


def check_parameters(params: Any) -> list[Any]:
    """``params`` as a list that is known to hold something, whatever iterable it was."""
    if isinstance(params, torch.Tensor):
        raise TypeError(
            f"params: received one tensor of shape {tuple(params.shape)}; accepted is an iterable of parameters or of "
            "dicts: wrap it in a list"
        )
    if isinstance(params, Mapping):
        keys = ", ".join(map(repr, list(cast("Mapping[Any, Any]", params))[:3]))
        raise TypeError(
            f"params: received a dict with the keys {keys}; accepted is an iterable of parameters or of dicts: wrap it "
            "in a list, or take its values() if it holds parameters by name"
        )
    if not isinstance(params, Iterable):
        raise TypeError(f"params: received {params!r}; accepted is an iterable such as model.parameters()")
    listed = list(params)
    require_some(listed, received="an empty list")
    return listed


def require_some(params: Sequence[Any], *, received: str) -> None:
    """Raise ``ArgumentError`` where there is no parameter at all."""
    if not params:
        raise ArgumentError(
            f"params: received {received}; accepted is at least one parameter. Does the model register its layers "
            "(nn.ModuleList instead of a plain list), or was a generator used up before?"
        )


def check_in_no_other_group(params: Iterable[Any], before: Iterable[Any], *, where: str) -> None:
    """Raise ``ArgumentError`` for a parameter that another group has: whose options would hold?"""
    known = {id(parameter) for parameter in before}
    for k, item in enumerate(params):
        parameter = item[1] if isinstance(item, tuple) else item
        if id(parameter) in known:
            raise ArgumentError(
                f"{where}params: the parameter at position {k}, of shape {tuple(parameter.shape)}, is in another "
                "group; some parameters appear in more than one parameter group, accepted is each in one"
            )
