"""Compare the gradient of automatic differentiation with that of differences, and say what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast, overload

from unstuck.errors import ArgumentError
from unstuck.gradcheck.alone import alone
from unstuck.gradcheck.compare import checked
from unstuck.gradcheck.objective import LossFunction, Penalty
from unstuck.gradcheck.point import Request
from unstuck.gradcheck.result import GradientCheck
from unstuck.gradcheck.sampling import Coordinates

__all__ = ["check_gradients"]

EXAMPLES = 3


@overload
def check_gradients(
    model: Callable[..., Any],
    loss: LossFunction,
    batch: tuple[Any, Any],
    /,
    *,
    coordinates: Coordinates = ...,
    seed: int = ...,
    examples: int = ...,
    inputs: bool = ...,
    regularisation: Penalty | None = ...,
    warm_up: int = ...,
    order: int = ...,
    exclude: Sequence[str] = ...,
) -> GradientCheck: ...
@overload
def check_gradients(
    function: Callable[..., Any],
    inputs: Any,
    /,
    *,
    coordinates: Coordinates = ...,
    seed: int = ...,
    order: int = ...,
    exclude: Sequence[str] = ...,
) -> GradientCheck: ...
def check_gradients(
    model: Callable[..., Any],
    loss: Any,
    batch: tuple[Any, Any] | None = None,
    /,
    *,
    coordinates: Coordinates = None,
    seed: int = 0,
    examples: int = EXAMPLES,
    inputs: bool = True,
    regularisation: Penalty | None = None,
    warm_up: int = 0,
    order: int = 1,
    exclude: Sequence[str] = (),
) -> GradientCheck:
    r"""Check the gradient of a model's loss, or of a function, against centred differences.

    .. math::
        n_i = \frac{f(x + h e_i) - f(x - h e_i)}{2h}, \qquad
        \text{error}_i = \frac{|a_i - n_i|}{\max(|a_i|, |n_i|)}

    with :math:`a` the gradient by automatic differentiation; zero against zero passes. Everything happens on a copy in
    float64, with the same random numbers at each evaluation, so that dropout is checked too. The step comes from a
    sweep over 1e-3 to 1e-9. An error above 1e-4 (more for models of more than ten layers) is looked at again with
    smaller steps: where it vanishes, or where the slopes of the two sides differ, there is a kink, and the coordinate
    is set aside, as is one beside which the function is not defined; what stays is wrong.

    Args:
        model: A module, or a function of tensors.
        loss: Of outputs and targets, a scalar. Of a plain function, in its place, the arguments: a tensor or a tuple;
            outputs of any shape are then weighted and summed.
        batch: Inputs and targets. Inputs are a tensor, a tuple of arguments or a mapping of keyword arguments.
        coordinates: How many of each tensor are checked one by one, or ``"all"``, or flat indices by the tensors'
            names. None: all entries of a tensor of more than 24 together, along one random direction; 24 of them,
            and the one that is furthest off, one by one where that differs or meets a kink.
        seed: Seed of the choice and of every evaluation.
        examples: The first examples of the batch that are used: few, so that there are few kinks.
        inputs: Whether gradients of floating-point inputs are checked as well: of those that require gradients,
            where any does.
        regularisation: A penalty, function of the model, that training adds to the loss. It is checked by itself, and
            together with the loss raised to equal strength, so that a mistake in it shows.
        warm_up: Steps of Adam on the copy before the check, to get away from a special start.
        order: 2 checks a Hessian-vector product as well.
        exclude: Names or patterns (``"encoder.*"``, ``"input"``) of tensors whose gradient differs on purpose from the
            derivative, as before a straight-through estimator; they are not checked, and a note says so. A name that
            exists is taken as it is written, ``"input[1]"`` as well.

    Returns:
        What was found; it prints as a table.

    Raises:
        ArgumentError: The loss is no scalar or not finite, nothing requires a gradient, or the parts do not fit.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
        >>> check = check_gradients(model, nn.functional.cross_entropy, (torch.randn(3, 4), torch.tensor([0, 1, 1])))
        >>> check.ok, check.verdict, check.checked, check.max_relative_error < 1e-6
        (True, 'right', 35, True)
        >>> check_gradients(torch.tanh, torch.linspace(-2.0, 2.0, 5)).verdict
        'right'

    Source: CS231n, "Neural Networks Part 3: Learning and Evaluation", gradient checks.
    """
    request = Request(
        model=model,
        loss=None if batch is None else loss,
        inputs=loss if batch is None else _pair(batch)[0],
        targets=None if batch is None else _pair(batch)[1],
        penalty=regularisation,
        examples=examples if batch is not None else 2**62,
        seed=seed,
        warm_up=warm_up,
        with_inputs=inputs,
        exclude=_names(exclude),
    )
    _validate_numbers(examples=examples, warm_up=warm_up, seed=seed, order=order)
    _validate_functions(model=model, loss=request.loss, regularisation=regularisation)
    return checked(request, coordinates, order=order, alone=alone)


def _pair(batch: object) -> tuple[Any, Any]:
    if not isinstance(batch, tuple | list) or len(cast("tuple[Any, ...]", batch)) != 2:
        raise ArgumentError(f"batch={type(batch).__name__}: a pair (inputs, targets) is accepted")
    inputs, targets = cast("tuple[Any, Any]", batch)
    return inputs, targets


def _names(exclude: object) -> tuple[str, ...]:
    if isinstance(exclude, str):
        raise ArgumentError(f"exclude={exclude!r}: a list of names or patterns is accepted; write [{exclude!r}]")
    if not isinstance(exclude, Iterable) or not all(isinstance(name, str) for name in cast("Iterable[Any]", exclude)):
        raise ArgumentError(f"exclude={exclude!r}: a list of names or patterns is accepted, such as ['encoder.*']")
    return tuple(cast("Iterable[str]", exclude))


def _validate_numbers(*, examples: object, warm_up: object, seed: object, order: object) -> None:
    for name, number, least in (("examples", examples, 1), ("warm_up", warm_up, 0), ("seed", seed, 0)):
        if type(number) is not int or number < least:
            raise ArgumentError(f"{name}={number!r}: a whole number from {least} is accepted")
    if order not in (1, 2):
        raise ArgumentError(f"order={order!r}: 1 (gradients) or 2 (a Hessian-vector product as well) is accepted")


def _validate_functions(*, model: object, loss: object, regularisation: object) -> None:
    if not callable(model):
        raise ArgumentError(f"model={model!r}: a module or a function of tensors is accepted")
    for name, function, of in (("loss", loss, "outputs and targets"), ("regularisation", regularisation, "the model")):
        if function is not None and not callable(function):
            raise ArgumentError(f"{name}={function!r}: a function of {of} is accepted")
