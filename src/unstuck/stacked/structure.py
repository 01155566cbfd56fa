"""Whether models have one structure, so that they differ in the numbers of their tensors and in dropout rates alone."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from types import FunctionType
from typing import Any, cast
from weakref import ReferenceType

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from unstuck.stacked.errors import CannotStackError

__all__ = ["dropouts", "require_one_structure"]

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_APART = frozenset(("_parameters", "_buffers", "_modules", "training"))


def dropouts(model: nn.Module) -> list[nn.Module]:
    """The modules whose rate may differ from member to member.

    Examples:
        >>> dropouts(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.3)))
        [Dropout(p=0.3, inplace=False)]
    """
    return [module for module in model.modules() if type(module) in _DROPOUTS]


def require_one_structure(models: Sequence[nn.Module]) -> None:
    """Refuse models of which one could not stand in for all.

    Raises:
        CannotStackError: It names the module that differs, and in what.

    Examples:
        >>> require_one_structure([nn.Linear(2, 3), nn.Linear(2, 3)])
        >>> require_one_structure([nn.Linear(2, 3), nn.Linear(2, 4)])
        Traceback (most recent call last):
            ...
        unstuck.stacked.errors.CannotStackError: members 0 and 1 differ in out_features of the model: 3 and 4
    """
    first = dict(models[0].named_modules())
    for name, module in first.items():
        _require_plain(name, module)
    for number, model in enumerate(models[1:], start=1):
        other = dict(model.named_modules())
        if first.keys() != other.keys():
            odd = sorted(first.keys() ^ other.keys())[0]
            raise CannotStackError(f"members 0 and {number} differ: only one of them has a module {odd!r}")
        for name, module in first.items():
            _compare(name, module, other[name], number)
        if _shared(model) != _shared(models[0]):
            raise CannotStackError(f"members 0 and {number} differ in which modules share a parameter")


def _require_plain(name: str, module: nn.Module) -> None:
    for tensor_name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
        if is_lazy(tensor):
            raise CannotStackError(f"{_called(name)} is lazy: {tensor_name} has no shape yet")
        if tensor.is_complex() or tensor.layout is not torch.strided:
            raise CannotStackError(f"{tensor_name} of {_called(name)} is complex or sparse; dense real numbers stack")
    if any(getattr(module, hooks) for hooks in _HOOKS):
        raise CannotStackError(f"{_called(name)} has hooks, which would see all members at once")


def _compare(name: str, a: nn.Module, b: nn.Module, number: int) -> None:
    between = f"members 0 and {number} differ in"
    if type(a) is not type(b):
        raise CannotStackError(f"{between} {_called(name)}: {type(a).__name__} and {type(b).__name__}")
    free = _APART | {"p"} if type(a) in _DROPOUTS else _APART
    ours, theirs = ({key: value for key, value in vars(x).items() if key not in free} for x in (a, b))
    own = {id(tensor) for x in (a, b) for tensor in (*x.parameters(), *x.buffers())}
    for key in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(key), theirs.get(key)
        if not _same(mine, other, own):
            raise CannotStackError(f"{between} {key} of {_called(name)}: {_short(mine)} and {_short(other)}")
    for kind in ("_parameters", "_buffers"):
        tensors, others = getattr(a, kind), getattr(b, kind)
        for key in tensors.keys() | others.keys():
            if _signature(tensors.get(key)) != _signature(others.get(key)):
                raise CannotStackError(f"{between} the shape, type, device or freezing of {key} of {_called(name)}")


def _shared(model: nn.Module) -> list[int]:
    """For each name of a parameter the place of the first name of the same parameter."""
    listed = [id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False)]
    return [listed.index(identity) for identity in listed]


def _called(name: str) -> str:
    return repr(name) if name else "the model"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


def _signature(tensor: Tensor | None) -> object:
    return None if tensor is None else (tensor.shape, tensor.dtype, tensor.device, tensor.requires_grad)


def _same(a: Any, b: Any, own: Container[int]) -> bool:
    """Whether two plain attributes are equal; of what cannot be looked into only what is the same object.

    Args:
        a: One.
        b: The other.
        own: Identities of registered tensors, which may differ in value.
    """
    if a is b or (id(a) in own and id(b) in own):
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, Mapping):
        mine, other = cast("Mapping[Any, Any]", a), cast("Mapping[Any, Any]", b)
        return mine.keys() == other.keys() and all(_same(mine[key], other[key], own) for key in mine)
    if isinstance(a, list | tuple):
        mine, other = cast("Sequence[Any]", a), cast("Sequence[Any]", b)
        return len(mine) == len(other) and all(_same(x, y, own) for x, y in zip(mine, other, strict=True))
    if isinstance(a, FunctionType):
        cells = [[cell.cell_contents for cell in f.__closure__ or ()] for f in (a, b)]
        return (
            a.__code__ is b.__code__ and _same(cells[0], cells[1], own) and _same(a.__defaults__, b.__defaults__, own)
        )
    if isinstance(a, ReferenceType):
        return _same(a(), b(), own)
    if hasattr(a, "__dict__") and type(a).__eq__ is object.__eq__:
        return _same(vars(a), vars(b), own)
    return bool(a == b)
