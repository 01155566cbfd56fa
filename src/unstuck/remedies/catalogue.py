"""Every remedy by its name, and how changes are applied."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from unstuck.errors import ArgumentError
from unstuck.record import Run
from unstuck.remedies import effects
from unstuck.remedies.activations_added import ActivationsAdded
from unstuck.remedies.attached import Attached
from unstuck.remedies.axes_exchanged import AxesExchanged
from unstuck.remedies.batch_size import BatchSize
from unstuck.remedies.change import Change
from unstuck.remedies.classes_weighted import ClassesWeighted
from unstuck.remedies.clipping import Clipping
from unstuck.remedies.default_constants import DefaultConstants
from unstuck.remedies.dropout import Dropout
from unstuck.remedies.finite_data import FiniteData
from unstuck.remedies.gradients_cleared import GradientsCleared
from unstuck.remedies.gradients_kept import GradientsKept
from unstuck.remedies.hidden_activations import HiddenActivations
from unstuck.remedies.initialisation import Initialisation
from unstuck.remedies.inputs_standardised import InputsStandardised
from unstuck.remedies.labels_mapped import LabelsMapped
from unstuck.remedies.learning_rate import LearningRate
from unstuck.remedies.loss_replaced import LossReplaced
from unstuck.remedies.loss_scaled import LossScaled
from unstuck.remedies.loss_terms import LossTerms
from unstuck.remedies.method import Method
from unstuck.remedies.modes import Modes
from unstuck.remedies.momentum import Momentum
from unstuck.remedies.more_steps import MoreSteps
from unstuck.remedies.output_activation import OutputActivation
from unstuck.remedies.output_squeezed import OutputSqueezed
from unstuck.remedies.parameters_given import ParametersGiven
from unstuck.remedies.remedy import Remedy
from unstuck.remedies.schedule_held import ScheduleHeld
from unstuck.remedies.shuffled import Shuffled
from unstuck.remedies.sign_flipped import SignFlipped
from unstuck.remedies.softmax_axis import SoftmaxAxis
from unstuck.remedies.targets_standardised import TargetsStandardised
from unstuck.remedies.thawed import Thawed
from unstuck.remedies.warm_up import WarmUp
from unstuck.remedies.weight_decay import WeightDecay
from unstuck.remedies.wider import Wider

__all__ = ["CATALOGUE", "applied", "refinements"]

_RATE = LearningRate()

REMEDIES: tuple[Remedy, ...] = (
    _RATE,
    GradientsCleared(),
    InputsStandardised(),
    TargetsStandardised(),
    OutputActivation(),
    LossReplaced(),
    ParametersGiven(),
    OutputSqueezed(),
    SignFlipped(),
    Initialisation(),
    Method(),
    HiddenActivations(),
    ActivationsAdded(),
    WeightDecay(),
    Dropout(),
    Modes(),
    ScheduleHeld(),
    Shuffled(),
    Attached(),
    Thawed(),
    LossScaled(),
    LossTerms(),
    GradientsKept(),
    LabelsMapped(),
    FiniteData(),
    SoftmaxAxis(),
    AxesExchanged(),
    ClassesWeighted(),
    WarmUp(),
    Momentum(),
    DefaultConstants(),
    Clipping(),
    BatchSize(),
    MoreSteps(),
    Wider(),
)

CATALOGUE: Mapping[str, Remedy] = {remedy.name: remedy for remedy in REMEDIES}
"""Every remedy by its name, those that help most often first."""


@contextmanager
def applied(*changes: Change) -> Generator[None]:
    """Make changes to all that this process trains while the context lasts, and put everything back behind it.

    Enter it before an observer begins and before the training is built.

    Args:
        changes: The changes; of one remedy one at most.

    Raises:
        ArgumentError: A change is of no remedy that is known, or two are of one.

    Examples:
        >>> import torch
        >>> weight = torch.ones(1, requires_grad=True)
        >>> with applied(Change(remedy="learning-rate", settings={"factor": 0.1})):
        ...     optimizer = torch.optim.SGD([weight], lr=1.0)
        ...     weight.sum().backward()
        ...     optimizer.step()
        >>> round(weight.item(), 4), effects.changed()
        (0.9, True)
    """
    names = [change.remedy for change in changes]
    for name in names:
        if name not in CATALOGUE:
            raise ArgumentError(f"remedy={name!r}; choose one of {', '.join(CATALOGUE)}")
        if names.count(name) > 1:
            raise ArgumentError(f"remedy={name!r} is given {names.count(name)} times; make one change of it")
    effects.begin(names)
    with ExitStack() as stack:
        for change in changes:
            stack.enter_context(CATALOGUE[change.remedy].make(change))
        yield


def refinements(change: Change, run: Run, tried: Mapping[Change, float]) -> Sequence[Change]:
    """Changes of the same remedy that may be better still than the best that was tried; none for most remedies.

    Args:
        change: A change of that remedy.
        run: The stream of the run that was diagnosed.
        tried: How good each change was, the higher the better.
    """
    return _RATE.refinements(change, run, tried) if change.remedy == _RATE.name else ()
