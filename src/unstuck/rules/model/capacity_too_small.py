"""M201: too few units to fit even the training data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from unstuck.learning import Learning
from unstuck.record import Evidence, Finding, Run, Where, signals
from unstuck.record.facts import Association, Inputs, Model, Wiring
from unstuck.rules.calls import loss_calls
from unstuck.rules.gates import NOT_PRETRAINED, POOR, losses
from unstuck.rules.rule import Gate, Rule
from unstuck.rules.step_size import Steps
from unstuck.rules.wires import Wires

__all__ = ["CapacityTooSmall", "advised_width"]

RECURRENT, STATE = ("weight_ih_l", "weight_hh_l"), "weight_hh_l"
"""Parts of the names of a recurrent layer's weights; the second kind has one column for each unit."""


HELD_AGAINST = Gate("how much could be learnt is not known", lambda run: Learning.of(run).outcome != "unknown")


@dataclass(frozen=True, kw_only=True)
class CapacityTooSmall(Rule):
    """A layer so narrow that what the task needs does not pass it; training has converged all the same.

    Detects:
        A hidden layer of very few units, fewer than a third of what it is given and of the classes or less than a
        handful, in a model whose training loss has come to rest high above zero, with steps of a usual size. As a note,
        where the inputs are hardly more than the units.

    Why it matters:
        Neither rate nor length nor regularisation helps a model that cannot represent the answer.

    Evidence:
        The width of the narrowest hidden layer against its inputs and the outputs; the training loss, its level and its
        fall over the last part; the update ratio. Where an example's nearest neighbours tell its target far better than
        the trained network does, that.

    Known false positives:
        Autoencoders have a narrow layer on purpose: where outputs are as many as inputs, a note on one or two units at
        most. Noise in the targets also holds the loss up; that is why the layer must be narrow beyond doubt. Branches
        beside a wider path, such as adapters of low rank, are left out.

    Try:
        Widen the narrowest layer to at least the number of its inputs, and add layers when that fits the training
        data.

    References:
        Goodfellow, Bengio and Courville, "Deep Learning", sections 5.2 and 11.4, capacity and underfitting.
    """

    code = "M201"
    name = "capacity too small"
    cause = "capacity-too-small"
    needs = (signals.LOSS, Wiring, Model)
    applies_to = (losses(1), NOT_PRETRAINED, POOR, HELD_AGAINST)

    width: int = 3  #: units that are few whatever the task: xor takes two (our choice)
    classes: float = 0.34  #: units to classes, below which classes crowd in a plane
    inputs: float = 0.34  #: units to what they are given
    bottleneck: int = 2  #: units of a code that hold no more than a point of a plane
    handful: int = 8  #: units that are few where nearest neighbours do better (our choice)
    examples: int = 300  #: pairs of input and target that neighbours are looked for among
    margin: float = 0.15  #: by how much they must do better, as a share of the examples or of the variance (our choice)
    remaining: float = 0.1  #: share of the loss left at which something is clearly missing (our choice)
    pace: float = 0.35  #: fall over the last third against the average: less has come to rest
    ratio: float = 1e-5  #: update ratio below which the steps, not the units, end the fall

    def check(self, run: Run) -> Iterator[Finding]:
        """Judge one stream of a run."""
        learning, wires = Learning.of(run), Wires.of(run)
        if wires is None:
            return
        beaten = self._beaten(run, learning)
        narrow = self._narrow(run, wires, beaten=beaten is not None)
        if narrow is None or not self._at_rest(run, learning, self.pace if beaten is None else 2 * self.pace):
            return
        if beaten is None and learning.seems != "partial":
            return
        name, width, given, asked = narrow
        doubtful = self._encodes(run, asked) or (beaten is None and width > self.inputs * given)
        yield self.finding(
            f"{name} has {_count(width, 'unit')} for {_count(given, 'input')} and {_count(asked, 'output')}, and the "
            f"training loss has come to rest at {learning.curve.end.value:.3g}",
            f"Widen the hidden layers: {advised_width(given, asked)} units or more where there are {width}.",
            severity="note" if doubtful else "warning",
            confidence=0.5 if doubtful else 0.75 if beaten is None else 0.92,
            where=Where(parameter=name, module=name.rpartition(".")[0] or None),
            evidence=(
                Evidence(
                    signal="model",
                    value=float(width),
                    threshold=float(max(self.width, round(self.classes * asked))),
                    note="units of the narrowest hidden layer",
                ),
                Evidence(
                    signal="loss",
                    value=learning.curve.end.value,
                    threshold=self.remaining * learning.reference,
                    note=f"share left: {learning.remaining:.2g}; fall over the last third: "
                    f"{learning.curve.pace(0.67):.2g} of the average",
                ),
                *((beaten,) if beaten is not None else ()),
            ),
        )

    def _beaten(self, run: Run, learning: Learning) -> Evidence | None:
        """Whether an example's nearest neighbours tell its target far better than the trained network does."""
        pairs = run.fact(Association)
        if pairs is None or pairs.examples < self.examples:
            return None
        if pairs.told is not None and learning.accuracy is not None:
            if pairs.told - learning.accuracy < self.margin:
                return None
            note = "classes told by nearest neighbours, against those told by the network"
            return Evidence(signal="association", value=pairs.told, threshold=learning.accuracy, note=note)
        if learning.guess is None or not pairs.explained - (1.0 - learning.remaining) > self.margin:
            return None
        note = "variance explained by nearest neighbours, against what the network explains"
        return Evidence(signal="association", value=pairs.explained, threshold=1.0 - learning.remaining, note=note)

    def _narrow(self, run: Run, wires: Wires, *, beaten: bool) -> tuple[str, int, int, int] | None:
        """The narrowest hidden layer, its units, inputs, and the outputs of the model; None where none is narrow."""
        states = {name: p.shape[1] for name, p in wires.parameters.items() if STATE in name}  # of recurrent layers
        inward = [
            wire
            for wire in wires.inward
            if wire.parameter in wires.parameters and not any(part in wire.parameter for part in RECURRENT)
        ]
        outputs = [call.output.shape[-1] for call in loss_calls(run) if len(call.output.shape) > 1]
        asked = max(outputs, default=wires.width(inward[-1].parameter) if inward else 1)
        inputs = run.fact(Inputs)
        if len(inward) + len(states) < 2:
            return None
        alone = [wire.parameter for wire in inward[:-1] if wire.parameter not in wires.adapters]
        hidden = [(wires.width(name), name) for name in alone]
        if any(len(wires.parameters[name].shape) > 2 for _, name in hidden):
            return None  # channels of a convolution see many places; few of them can be enough
        hidden += [(width, name) for name, width in states.items()]
        shapes = [wires.parameters[wire.parameter].shape for wire in inward]
        if any(after[-1] != before[0] and before[-1] != after[0] for before, after in pairwise(shapes)):
            return None  # a branch that ends narrow, such as a gate, is no bottleneck of the whole
        if not hidden:
            return None
        width, name = min(hidden)
        given = wires.fan_in(inward[0].parameter)[1] if inward else 0
        if states and inputs is not None:
            given = math.prod(inputs.shape[1:])
        crowded = name not in states and asked >= 4 and width <= self.classes * asked
        if self._encodes(run, asked):
            return (name, width, given, asked) if width <= self.bottleneck else None
        few = width <= self.width or crowded
        if beaten:
            return (name, width, given, asked) if few or width <= self.handful else None
        return (name, width, given, asked) if few else None

    def _encodes(self, run: Run, asked: int) -> bool:
        """Whether outputs are as many as inputs, as of an autoencoder."""
        inputs = run.fact(Inputs)
        return inputs is not None and bool(inputs.shape[1:]) and inputs.shape[-1] == asked > 1

    def _at_rest(self, run: Run, learning: Learning, pace: float) -> bool:
        """Whether much is left, the fall is over, and the steps are of a size that would go on."""
        if not learning.remaining > self.remaining or learning.curve.pace(0.67) > pace:
            return False
        steps = Steps.of(run)
        return not len(steps) or steps.strongest() > self.ratio


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def advised_width(given: int, asked: int) -> int:
    """Units of a hidden layer that advice asks for, between a number of inputs and one of outputs (our choice).

    Examples:
        >>> advised_width(2, 3), advised_width(64, 10)
        (16, 64)
    """
    return max(16, given, 2 * asked)
