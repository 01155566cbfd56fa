"""The gradient check as an assertion, for the tests of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unstuck.gradcheck import GradientCheck, check_gradients

__all__ = ["assert_gradients"]


def assert_gradients(model: Callable[..., Any], *arguments: Any, **options: Any) -> GradientCheck:
    """Check gradients, and fail with the table where they are not right.

    Args:
        model: A module or a function.
        *arguments: ``loss, (inputs, targets)`` for a model, ``inputs`` for a function, as
            :func:`unstuck.check_gradients` takes them.
        **options: Its keyword arguments.

    Returns:
        What was found.

    Raises:
        AssertionError: The verdict is neither right nor kink; the message is the table.
        ArgumentError: As :func:`unstuck.check_gradients`.

    Examples:
        >>> import torch
        >>> assert_gradients(torch.tanh, torch.linspace(-1.0, 1.0, 4)).checked
        4
    """
    check = check_gradients(model, *arguments, **options)
    if not check.ok:
        raise AssertionError(str(check))
    return check
