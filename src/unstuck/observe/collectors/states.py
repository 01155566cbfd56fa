"""Whether networks of an agent were given states, and the states that follow them, or the same ones twice."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from torch import Tensor

from unstuck.observe.collectors.inputs import data_of

__all__ = ["FEWEST", "unchanged"]

FEWEST = 8
"""States of a batch below which it is not asked whether they change (our choice)."""


def unchanged(given: Iterable[tuple[int, tuple[Any, ...]]], networks: Collection[int], transitions: int) -> int | None:
    """For how many transitions all of some networks were given the same state.

    Args:
        given: The identity of each network that ran, and what it was given, states first.
        networks: Identities of those that gave the values and what their targets are made of.
        transitions: Transitions of the batch.

    Returns:
        The number; None where these networks ran only once for as many states, or these are alike.

    Examples:
        >>> import torch
        >>> states = torch.arange(16.0).reshape(8, 2)
        >>> unchanged([(1, (states,)), (2, (states.clone(),))], {1, 2}, 8)
        8
    """
    known = (_states(inputs) for network, inputs in given if network in networks)
    runs = [states for states in known if states is not None and len(states) == transitions]
    if len(runs) < 2 or any(states.shape != runs[0].shape for states in runs):
        return None
    rows = [states.reshape(transitions, -1) for states in runs]
    if bool((rows[0] == rows[0][:1]).all()):
        return None
    return min(int((other == rows[0]).all(dim=1).sum()) for other in rows[1:])


def _states(inputs: tuple[Any, ...]) -> Tensor | None:
    """What tells states apart in what a network is given; None where that is no batch of numbers."""
    states = next((part for part in data_of(inputs) if part.dim() > 1 and len(part) >= FEWEST), None)
    return states if states is not None and states.is_floating_point() else None
