"""Whether returns, or advantages, are summed up past the ends of episodes, into those that follow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.observe.tensors.readable import is_readable
from unstuck.record import facts

__all__ = ["ignored_ends"]

FEWEST = 32
"""Transitions, below which sums may fit by chance."""

MOST = 4_096
"""Transitions that are looked at."""

MOST_SERIES = 16
"""Series of as many numbers as there are rewards that are compared."""

RARE = 0.5
"""Share of the transitions up to which a mark may be that of an end."""

CLOSE = 1e-3
"""Error, over the deviation of the sums, up to which they are explained, as single precision leaves them."""

TELLING = 0.02
"""What follows an end, over that deviation, below which nothing shows whether it was added."""

FADES = (0.3, 0.9999)
"""Factors by which what follows is discounted."""

REWARD = re.compile(r"rew|^rs?$|^R$", re.IGNORECASE)
SUMS = re.compile(r"adv|ret|gae|target|lambda|^G", re.IGNORECASE)
END = re.compile(r"done|term|trunc|^ends?$|_ends?$|over|reset|dead|alive|mask|^d$|cont", re.IGNORECASE)

Numbers = NDArray[np.float64]


class _Series(NamedTuple):
    """Numbers of transitions, in the order in which a program keeps them."""

    name: str
    values: Numbers


def ignored_ends(scopes: list[Mapping[str, object]]) -> facts.IgnoredEnds | None:
    r"""What the variables of running functions show of sums over transitions, and of ends between these.

    Discounted returns are :math:`G_t = r_t + \gamma G_{t+1}`, generalised advantages
    :math:`A_t = r_t + \gamma v_{t+1} - v_t + \gamma \lambda A_{t+1}`, whatever is taken off both and whatever they are
    divided by: linear in what follows, at each transition but the last of an episode. Where that holds for all of them,
    the ends made no difference.

    Args:
        scopes: Variables by name, the innermost function's first.

    Returns:
        The transitions and the ends among them, in the sums that are found; None where there are none.

    Examples:
        >>> generator = np.random.default_rng(0)
        >>> rewards, done = generator.normal(size=200), [t % 20 == 19 for t in range(200)]
        >>> def sums(cut):
        ...     total, found = 0.0, []
        ...     for reward, end in zip(rewards[::-1], done[::-1]):
        ...         total = reward + 0.9 * total * (1.0 - end * cut)
        ...         found.insert(0, total)
        ...     return found
        >>> known = {"rewards": list(rewards), "dones": done}
        >>> ignored_ends([{**known, "returns": sums(cut=False)}]).ends
        9
        >>> ignored_ends([{**known, "returns": sums(cut=True)}]) is None
        True
    """
    known = list(_series(scopes))
    for reward in (one for one in known if REWARD.search(one.name)):
        same = [one for one in known if one.values.size == reward.values.size][:MOST_SERIES]
        shape = max((one.values.shape for one in same), key=len)
        for axis in range(len(shape)):
            found = _along(reward, [_Series(n, np.moveaxis(v.reshape(shape), axis, 0)) for n, v in same], axis, shape)
            if found is not None:
                return found
    return None


def _along(reward: _Series, known: list[_Series], axis: int, shape: tuple[int, ...]) -> facts.IgnoredEnds | None:
    """The same, where an axis is that of time."""
    rewards = np.moveaxis(reward.values.reshape(shape), axis, 0)
    if len(rewards) < FEWEST // 2 or rewards.size < FEWEST:
        return None
    ends = [end for one in known if END.search(one.name) and (end := _ends(one.values)) is not None]
    if not ends or not any(end[:-1].any() for end in ends):
        return None
    series = [one for one in known if not END.search(one.name) and one.values is not rewards and _varies(one.values)]
    for sums in sorted(series, key=lambda one: not SUMS.search(one.name)):
        others = [None, *(one.values for one in series if one is not sums)]
        for values in others:
            gone = _followed(sums.values, rewards, values)
            if gone is None:
                continue
            counts = [int((gone & end[:-1]).sum()) for end in ends]
            if max(counts):
                return facts.IgnoredEnds(transitions=int(gone.size), ends=max(counts), name=sums.name)
    return None


def _followed(sums: Numbers, rewards: Numbers, values: Numbers | None) -> NDArray[np.bool_] | None:
    """Where what follows a transition shows in its sum, if all sums are made of it; None if they are not."""
    columns = [np.ones_like(sums[1:]), rewards[:-1], sums[1:]]
    if values is not None:
        columns += [values[:-1], values[1:]]
    matrix = np.stack([column.reshape(-1) for column in columns], axis=1)
    asked, scale = sums[:-1].reshape(-1), float(sums.std())
    if np.allclose(matrix[:, 1], asked):
        return None
    weights = np.linalg.lstsq(matrix, asked, rcond=None)[0]
    if not FADES[0] < weights[2] < FADES[1] or np.abs(matrix @ weights - asked).max() > CLOSE * scale:
        return None
    follows = weights[2] * (sums[1:] - sums.mean())
    if values is not None:
        follows = follows + weights[4] * (values[1:] - values.mean())
    return np.abs(follows) > TELLING * scale


def _ends(values: Numbers) -> NDArray[np.bool_] | None:
    """The rarer of two values, zero and one, where neighbours have the other: no padding, which comes in runs."""
    if not np.isin(values, (0.0, 1.0)).all():
        return None
    ends = values == (1.0 if values.mean() <= RARE else 0.0)
    ends[1:-1] &= ~(ends[:-2] | ends[2:])
    ends[[0, -1]] = False
    return ends if ends.any() else None


def _varies(values: Numbers) -> bool:
    return bool(np.isfinite(values).all()) and float(np.ptp(values)) > 0.0


def _series(scopes: list[Mapping[str, object]]) -> Iterator[_Series]:
    """Variables that are numbers of transitions, those of the innermost functions first."""
    names: set[str] = set()
    for scope in scopes:
        for name, value in scope.items():
            if name not in names:
                numbers = _numbers(value)
                if numbers is not None:
                    names.add(name)
                    yield _Series(name, numbers)


def _numbers(value: Any) -> Numbers | None:
    if type(value) is Tensor:
        return _of_tensor(value) if FEWEST <= value.numel() <= MOST and 0 < value.dim() <= 3 else None
    if type(value) is np.ndarray:
        fits = FEWEST <= value.size <= MOST and value.dtype.kind in "fb"
        return _squeezed(value.astype(np.float64)) if fits else None
    if type(value) not in (list, tuple) or not FEWEST // 2 <= len(value) <= MOST:
        return None
    if all(isinstance(one, bool | int | float | np.floating | np.bool_) for one in value):
        return np.array(value, dtype=np.float64)
    if all(type(one) is Tensor and one.shape == value[0].shape and one.numel() <= MOST // len(value) for one in value):
        return _of_tensor(torch.stack([one.detach() for one in value])) if is_readable(value[0]) else None
    return None


def _of_tensor(value: Tensor) -> Numbers | None:
    real = value.is_floating_point() or value.dtype == torch.bool
    return _squeezed(value.detach().double().cpu().numpy()) if real and is_readable(value) else None


def _squeezed(values: Numbers) -> Numbers | None:
    """One or two axes, that of time and one of environments; those of a single entry are left out."""
    known = values.squeeze()
    return known if known.ndim in (1, 2) and known.size >= FEWEST else None
