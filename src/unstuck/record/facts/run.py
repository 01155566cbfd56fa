"""Facts about the course of a training: what was planned, what happened, how it ended, and what watching cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unstuck.record.facts.fact import Fact

__all__ = [
    "WATCHING_ENDED",
    "Cost",
    "End",
    "Environment",
    "Event",
    "Invocation",
    "NonFinite",
    "Passes",
    "Recipe",
    "Span",
    "Training",
    "Unread",
    "Unwatched",
]

WATCHING_ENDED = "watching ended: "
"""How the event begins by which a run says that something of ours failed, and what it was."""


@dataclass(frozen=True, kw_only=True)
class Recipe(Fact):
    """The recipe of a training, as TOML; empty where a script or the user's own loop was observed."""

    kind = "recipe"
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Environment(Fact):
    """The machine and the releases."""

    kind = "environment"
    unstuck: str
    python: str
    torch: str = ""
    device: str = ""
    platform: str = ""


@dataclass(frozen=True, kw_only=True)
class Invocation(Fact):
    """How a watched program was started: what it takes to start it again, without the values of any variable.

    Attributes:
        target: The script, folder or archive, or the name of the module.
        module: Whether it is a module, as after ``python -m``.
        args: Its own arguments.
        folder: The working directory.
        interpreter: The Python that ran it.
        variables: Names of the environment's variables.
        traces: Sixteen bits of the checksum of each one's value, by which another one is noticed; too few to find out
            what it was.
        stdin: What standard input was: terminal, nothing (``/dev/null``, or closed), file or pipe.
        stdin_file: Path of that file.
        sources: Paths of the user's source files: the program, and at its end the modules beside it.
        digests: SHA-256 of each: of the program as it began, of the modules as they were at its end.
    """

    kind = "invocation"
    missing = "it was recorded by a release that did not keep it, or it is no program of its own"
    target: str
    module: bool = False
    args: tuple[str, ...] = ()
    folder: str = ""
    interpreter: str = ""
    variables: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    stdin: Literal["terminal", "nothing", "file", "pipe"] = "nothing"
    stdin_file: str = ""
    sources: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Training(Fact):
    """What a training was meant to be, as far as it is known.

    Attributes:
        epochs: Most epochs.
        steps_per_epoch: Updates in each.
        patience: Epochs without a better one after which it stops.
        l1: Factor of the sum of absolute weights that costs beside the loss.
        l2: Twice the factor of the sum of squares that does, which plain descent feels as weight decay.
    """

    kind = "training"
    epochs: int | None = None
    steps_per_epoch: int | None = None
    patience: int | None = None
    l1: float = 0.0
    l2: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Passes(Fact):
    """Passes that training made before its first updates, 50 at most.

    Attributes:
        updates: Those updates.
        forward: Batches that entered the model, with gradients.
        backward: Backward passes that reached its parameters.
        lost: Backward passes whose gradients were cleared before any update used them.
        used: Forward passes of which a loss was made, the most of any loss that was looked at.
        unmoved: Whether there was no update, and no weight has changed either.
    """

    kind = "passes"
    missing = "the training was cut off"
    updates: int
    forward: int
    backward: int
    lost: int = 0
    used: int = 0
    unmoved: bool = False


@dataclass(frozen=True, kw_only=True)
class Event(Fact):
    """Something that happened at a step, in words: ``"the optimizer skipped a step"``.

    Attributes:
        step: Updates made before it.
        what: It in words.
        blinds: Whether something is not seen from then on.
    """

    kind = "event"
    step: int
    what: str
    blinds: bool = False

    @property
    def ends_watching(self) -> bool:
        """Whether nothing at all is seen from then on: something of ours has failed."""
        return self.blinds and self.what.startswith(WATCHING_ENDED)


@dataclass(frozen=True, kw_only=True)
class Unread(Fact):
    """A part of the observation that failed, and what is missing for it from then on.

    Attributes:
        step: Updates made before it.
        collector: Name of the part.
        signals: Keys of the signals that it would have given.
        error: The error, in one line.
    """

    kind = "unread"
    step: int
    collector: str
    signals: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class NonFinite(Fact):
    """The first NaN or infinity that was seen.

    Attributes:
        step: The training step.
        what: input, target, activation, loss, gradient or weight.
        where: Module, parameter or function that produced it first; empty where unknown.
        count: Non-finite values in it.
        examples: Rows of the batch that hold them, at most 16.
        suspects: Functions in the loss whose slope is infinite at the edge of their range, where a backward pass made
            weights of a finite loss non-finite.
        file: The line that calls the function, or the first suspect: its file.
        line: That line.
        type: The type of its numbers, ``"float16"``; empty where it was not recorded.
        ignored: The class that a loss leaves out, where all targets of a batch are of it, and it averages over none.
    """

    kind = "non_finite"
    step: int
    what: Literal["input", "target", "activation", "loss", "gradient", "weight"]
    where: str = ""
    count: int = 0
    examples: tuple[int, ...] = ()
    suspects: tuple[str, ...] = ()
    file: str | None = None
    line: int | None = None
    type: str = ""
    ignored: int | None = None


@dataclass(frozen=True, kw_only=True)
class End(Fact):
    """How training ended.

    Attributes:
        reason: completed, early stopping, diverged, interrupted (Ctrl-C) or crashed.
        steps: Optimizer updates made.
        message: The error of a crash, in one line.
        backward_passes: Backward passes of the program while this training ran that belonged to it, or to no training
            that is known; None where they were not counted.
        unrecorded: How many of them no training recorded.
    """

    kind = "end"
    reason: Literal["completed", "early stopping", "diverged", "interrupted", "crashed"]
    steps: int
    message: str = ""
    backward_passes: int | None = None
    unrecorded: int = 0


@dataclass(frozen=True, kw_only=True)
class Span(Fact):
    """When a training ran, in seconds since the first training of the program began.

    Attributes:
        began: Its start.
        ended: Its end.
        thread: Identifier of the thread that it ran in.
    """

    kind = "span"
    began: float
    ended: float
    thread: int


@dataclass(frozen=True, kw_only=True)
class Unwatched(Fact):
    """Trainings of the program that were not watched; stated in the first stream.

    Attributes:
        trainings: How many.
        reason: Why they were not, in words: ``"the time budget was used up"``.
        ended: How the last of them ended where the program ended with it: ``"crashed"`` or ``"interrupted"``.
        which: First and last of each row of them, counted from 1 in the order in which the program began them.
    """

    kind = "unwatched"
    trainings: int
    reason: str
    ended: str = ""
    which: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Cost(Fact):
    """What observing cost."""

    kind = "cost"
    seconds: float
    training_seconds: float
    sampled_steps: int
    steps: int
