"""Weights that a load leaves out: those that it does not find, and those that are handed the module's own tensors."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from unstuck.observe.tensors.initialiser_test import looks_fresh
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks import events
from unstuck.observe.user_code.chosen_entries import none_chosen
from unstuck.observe.user_code.frames import user_place, user_scopes, user_variable_names

__all__ = ["Loaded", "around_loading", "loaded", "renamed"]

TAIL = 2
"""Last parts of two names that agree where they mean one tensor of several models: ``0.weight`` does, ``weight`` alone
does not."""

LOOKS = 4
"""Loads of one module that are looked at closely: a target network may be loaded at each step."""

MOST_ENTRIES = 10_000
"""Entries of a dictionary that are looked at."""

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Loaded:
    """A load that left weights out.

    Attributes:
        names: Parameters of the module that were not loaded, with the names of the tensors in the file; empty ones
            where the program chose entries of the file by their names, and chose none.
        own: Whether the call was handed the module's own tensors for them.
        place: File and line of the program's call.
    """

    names: tuple[tuple[str, str], ...]
    own: bool
    place: tuple[str | None, int | None]


loaded: weakref.WeakKeyDictionary[nn.Module, Loaded] = weakref.WeakKeyDictionary()
"""What is known of modules whose weights were loaded for a part only."""

_looks: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()


def around_loading(load: Callable[..., Any]) -> Callable[..., Any]:
    """Note what ``nn.Module.load_state_dict`` does not load, though the program has it under another name."""

    @functools.wraps(load)
    def watched(self: nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        if events.empty():
            return load(self, state_dict, *args, **kwargs)
        with events.Ours():
            own = _own(self, state_dict)
        returned = load(self, state_dict, *args, **kwargs)
        with events.Ours():
            _note(self, state_dict, own, returned)
        return returned

    return watched


def _own(module: nn.Module, state: object) -> frozenset[str]:
    """Parameters that are handed themselves; a copy of their values is a snapshot that is gone back to."""
    count = _looks[module] = _looks.get(module, 0) + 1
    if count > LOOKS or not isinstance(state, dict):
        return frozenset()
    handed = cast("dict[object, object]", state)
    return frozenset(
        name for name, parameter in module.named_parameters() if _is_same(parameter, dict.get(handed, name))
    )


def _is_same(parameter: Tensor, value: object) -> bool:
    if not isinstance(value, Tensor) or _shape(parameter) is None or _shape(value) != _shape(parameter):
        return False
    return is_readable(parameter) and is_readable(value) and parameter.data_ptr() == value.data_ptr()


def _note(module: nn.Module, state: object, own: frozenset[str], returned: object) -> None:
    loaded.pop(module, None)
    if not isinstance(state, dict):
        return
    handed = cast("dict[object, object]", state)
    shapes = {n: shape for n, one in module.named_parameters() if (shape := _shape(one)) is not None}
    absent: set[str] = {name for name in getattr(returned, "missing_keys", None) or () if name in shapes}
    missing = {name: shape for name, shape in shapes.items() if name in absent or name in own}
    if not missing:
        return
    close = _looks[module] <= LOOKS
    found = _found(missing, handed, shapes) if absent else []
    if not found and close:
        others = ((source, _found(missing, source, shapes)) for source in _dictionaries())
        found = next((match for source, match in others if _is_learnt(source, match)), [])
    if not found and close and len(missing) == len(shapes) and _none_chosen():
        found = [(name, "") for name in missing]
    if found:
        loaded[module] = Loaded(tuple(found), found[0][0] in own, user_place(3))


def _found(missing: Shapes, source: dict[object, object], own: Shapes) -> list[tuple[str, str]]:
    """What is missing and stands in a dictionary under names that the module does not have, part by part."""
    entries = list(islice(dict.items(source), MOST_ENTRIES))  # at once: another thread may put in more meanwhile
    tensors = ((k, v) for k, v in entries if isinstance(k, str) and k not in own and isinstance(v, Tensor))
    others = {k: shape for k, v in tensors if (shape := _shape(v)) is not None}
    return _whole(renamed(missing, others), missing) if others else []


def _is_learnt(source: dict[object, object], match: list[tuple[str, str]]) -> bool:
    """Whether a dictionary has trained weights to load: what other models began with, or first averages, are none."""
    values = (dict.get(source, key) for _, key in match)
    return any(isinstance(value, Tensor) and looks_fresh(value) is False for value in values)


def _shape(tensor: Tensor) -> tuple[int, ...] | None:
    """The shape of a tensor; None of one that has none yet or no single one, such as a lazy or nested one."""
    return None if is_lazy(tensor) or tensor.is_nested else tuple(tensor.shape)


def _whole(pairs: list[tuple[str, str]], missing: Shapes) -> list[tuple[str, str]]:
    """Those of parts of a model all of whose tensors are found: a new head may begin with a layer of the same shape."""
    ways = {name: _way(name, match) for name, match in pairs}
    whole = {
        way: all(ways.get(other) == way for other in missing if f"{other}.".startswith(f"{way[0]}."))
        for way in set(ways.values())
    }
    return [(name, match) for name, match in pairs if whole[ways[name]]]


def _way(name: str, match: str) -> tuple[str, str]:
    """The part of the model that has another name in the file, and that name; with no part of its own, the first one.

    Examples:
        >>> _way("body.0.weight", "backbone.0.weight"), _way("body.0.weight", "module.body.0.weight")
        (('body', 'backbone'), ('body', 'module'))
    """
    mine, theirs = name.split("."), match.split(".")
    same = _common(mine, theirs)
    return ".".join(mine[:-same]) or mine[0], ".".join(theirs[:-same])


def _dictionaries() -> Iterator[dict[object, object]]:
    """Dictionaries that the program's variables hold, where it loads; their own methods may be the program's."""
    for scope in user_scopes():
        for value in list(scope.values()):
            if issubclass(type(value), dict):
                yield cast("dict[object, object]", value)


def _none_chosen() -> bool:
    file, line = user_place(3)
    return (
        file is not None
        and line is not None
        and none_chosen(file, line, "load_state_dict", dict(user_variable_names()))
    )


def renamed(missing: Shapes, others: Shapes) -> list[tuple[str, str]]:
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
