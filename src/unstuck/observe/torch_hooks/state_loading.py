"""Weights that ``load_state_dict(strict=False)`` leaves out, though the file has them under another name."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from unstuck.observe.torch_hooks import events
from unstuck.observe.user_code.frames import user_place

__all__ = ["Loaded", "around_loading", "loaded", "renamed"]

TAIL = 2
"""Last parts of two names that agree where they mean one tensor of several models: ``0.weight`` does, ``weight`` alone
does not."""


@dataclass(frozen=True)
class Loaded:
    """A load that left weights out.

    Attributes:
        names: Parameters of the module that were not loaded, with the names of the tensors in the file.
        place: File and line of the program's call.
    """

    names: tuple[tuple[str, str], ...]
    place: tuple[str | None, int | None]


loaded: weakref.WeakKeyDictionary[nn.Module, Loaded] = weakref.WeakKeyDictionary()
"""What is known of modules whose weights were loaded for a part only."""


def around_loading(load: Callable[..., Any]) -> Callable[..., Any]:
    """Note which keys ``nn.Module.load_state_dict`` did not find, and which it had no use for."""

    @functools.wraps(load)
    def watched(self: nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        returned = load(self, state_dict, *args, **kwargs)
        if not events.empty():
            with events.Ours():
                _note(self, state_dict, returned)
        return returned

    return watched


def _note(module: nn.Module, state: Any, returned: Any) -> None:
    missing, unexpected = (getattr(returned, name, None) for name in ("missing_keys", "unexpected_keys"))
    loaded.pop(module, None)
    if not missing or not unexpected or not isinstance(state, dict):
        return
    own = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    theirs = {name: tuple(value.shape) for name in unexpected if isinstance(value := state.get(name), Tensor)}  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    found = renamed({name: own[name] for name in missing if name in own}, theirs)
    if found:
        loaded[module] = Loaded(tuple(found), user_place(3))


def renamed(missing: dict[str, tuple[int, ...]], others: dict[str, tuple[int, ...]]) -> list[tuple[str, str]]:
    """The tensors that are missing and stand in the file under a name of the same end, with the same shape.

    Args:
        missing: Shapes of what is missing.
        others: Shapes of what is left in the file.

    Examples:
        >>> renamed({"body.0.weight": (4, 3), "head.weight": (2, 4)}, {"module.body.0.weight": (4, 3)})
        [('body.0.weight', 'module.body.0.weight')]
    """
    return [
        (name, match)
        for name, shape in missing.items()
        if (match := next((other for other in _same_end(name, others) if others[other] == shape), None)) is not None
    ]


def _same_end(name: str, others: Iterable[str]) -> list[str]:
    """Names with the same last parts, those that agree in most of them first."""
    parts = name.split(".")
    agree = {other: _common(parts, other.split(".")) for other in others}
    enough = [other for other, count in agree.items() if count >= min(TAIL, len(parts))]
    return sorted((other for other in enough if agree[other] == max(agree.values())), key=len)


def _common(one: list[str], other: list[str]) -> int:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((count for count, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
