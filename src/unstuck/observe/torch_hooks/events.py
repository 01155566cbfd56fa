"""Tell those who listen what a program does with PyTorch: one table of who hears what, and the state of each thread.

A listener hears of its own thread only: what another thread computes at the same moment is never read. While it is
told of an event, nothing that it computes is an event itself, nor seen by anything of the program
(:mod:`.aside`). A listener that raises is dropped: watching must never stop a training.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer

from unstuck.observe.torch_hooks.aside import Aside as Ours
from unstuck.observe.torch_hooks.aside import thread
from unstuck.observe.torch_hooks.quiet_steps import QuietSteps

__all__ = [
    "EVENTS",
    "Listener",
    "Ours",
    "add",
    "counts",
    "deafen",
    "empty",
    "hears",
    "held_parameters",
    "holders",
    "hush",
    "meet",
    "one_optimizer",
    "optimizers",
    "parameters_of",
    "quiet",
    "remove",
    "rouse",
    "spare",
    "tell",
    "thread",
]

UPDATES = frozenset({"step_begins", "closure_begins", "step_ended", "schedule_stepped"})
"""Events of one optimizer, whose first argument is that optimizer."""

SPARED = frozenset({"backward_ended", "step_begins"})
"""Events that a listener may be spared which wants nothing of a step but its loss."""

EVENTS = (
    *("backward_begins", "backward_ended", "optimizer_made", "loader_begins", "transformed"),
    *("step_begins", "closure_begins", "step_ended", "schedule_stepped"),
)


class Listener(Protocol):
    """What hears of a program; beside this it has those of the following methods that it cares for.

    =====================================  =============================================================================
    method                                 called
    =====================================  =============================================================================
    backward_begins(backward)              before a pass of autograd's engine, while its graph is still there
    backward_ended(backward)               after it
    step_begins(optimizer)                 before an optimizer's step
    closure_begins(optimizer)              the same where it is given a closure, by which its backward passes come after
    step_ended(optimizer)                  after it
    schedule_stepped(optimizer, schedule)  when a learning-rate schedule was stepped
    optimizer_made(optimizer)              when an optimizer was constructed
    loader_begins(loader)                  when the iteration over a ``DataLoader`` begins
    transformed()                          when a gradient is taken within a transform of torch.func, of which no other
                                           event tells: its tensors hold no values that could be read
    =====================================  =============================================================================

    Attributes:
        thread: The thread that it hears of; None: of all.
        updates_of: The identity of the optimizer of whose updates it hears; None: of all.
    """

    thread: int | None
    updates_of: int | None

    def failed(self, error: Exception, /) -> None:
        """This listener raised, and will not be called any more."""
        ...


Hearing = tuple[Listener, Callable[..., None]]


class _Counts:
    """What has happened since the first listener came, whether or not anybody could record it."""

    def __init__(self) -> None:
        self.backward = 0


class _Quiet:
    """Whose steps are quiet now.

    Attributes:
        steps: What takes them in; None where they are told in full.
        recording: What is called with them at the end of the quiet.
        listener: Whose they are.
    """

    def __init__(self) -> None:
        self.steps: QuietSteps | None = None
        self.recording: Callable[[QuietSteps], None] | None = None
        self.listener: Listener | None = None


counts = _Counts()
quiet = _Quiet()
_lock = threading.RLock()
_hearing: dict[str, dict[int | None, tuple[Hearing, ...]]] = {event: {} for event in EVENTS}
_spared: list[Listener] = []
_optimizers: weakref.WeakKeyDictionary[Optimizer, int] = weakref.WeakKeyDictionary()
_numbers = itertools.count()


def hears(event: str) -> bool:
    """Whether anybody hears of an event."""
    return bool(_hearing[event])


def tell(event: str, *args: Any) -> None:
    """Tell those whom an event concerns, unless this thread runs our own code."""
    known = _hearing[event]
    if not known or thread.telling:
        return
    hearing = known.get(None, ())
    if event in UPDATES:
        hearing = (*hearing, *known.get(id(args[0]), ()))
        if not hearing:
            return
    if quiet.steps is not None:
        rouse()
    here = threading.get_ident()
    with Ours():
        for listener, method in hearing:
            if listener.thread is None or listener.thread == here or event in UPDATES:
                try:
                    method(*args)
                except Exception as error:
                    _drop(listener, error)


def hush(listener: Listener, steps: QuietSteps, record: Callable[[QuietSteps], None]) -> None:
    """Tell a listener nothing of its coming steps, which are taken in, until anything else happens.

    Only one that is spared, and that alone hears of backward passes and updates.

    Args:
        listener: It.
        steps: What takes them in.
        record: Called with that at the end of the quiet.
    """
    with _lock:
        alone = all(sum(map(len, _hearing[event].values())) == 1 for event in ("backward_begins", "step_ended"))
        if alone and is_spared(listener):
            quiet.steps, quiet.recording, quiet.listener = steps, record, listener


def rouse() -> None:
    """End the quiet, if there is one: what was taken in is recorded."""
    steps, record, listener = quiet.steps, quiet.recording, quiet.listener
    if steps is None or record is None or listener is None:
        return
    quiet.steps = quiet.recording = quiet.listener = None
    if steps.closing:
        thread.updating = False  # code of the program's own runs, whose events are passed on again
    with Ours():
        try:
            record(steps)
        except Exception as error:
            _drop(listener, error)


def add(listener: Listener) -> None:
    """Let a listener hear from now on."""
    rouse()
    with _lock:
        for event in EVENTS:
            _attach(listener, event)


def remove(listener: Listener) -> None:
    """End what :func:`add` began; a listener that does not listen is allowed."""
    rouse()
    with _lock:
        if listener in _spared:
            _spared.remove(listener)
        for event in EVENTS:
            _detach(listener, event)


def deafen(listener: Listener, event: str) -> None:
    """Tell a listener no more of an event."""
    with _lock:
        _detach(listener, event)


def empty() -> bool:
    """Whether nobody listens."""
    return not _spared and not any(_hearing.values())


def spare(listener: Listener, *, spared: bool) -> None:
    """Do not tell a listener of the events of :data:`SPARED`, or tell it again.

    Another optimizer that comes ends this for all: then these events mean more.
    """
    with _lock:
        if (listener in _spared) == spared:
            return
        rouse()
        (_spared.append if spared else _spared.remove)(listener)
        for event in SPARED:
            (_detach if spared else _attach)(listener, event)


def spare_nobody() -> None:
    """Tell everybody of everything again."""
    for listener in tuple(_spared):
        spare(listener, spared=False)


def is_spared(listener: Listener) -> bool:
    """Whether a listener is spared."""
    return listener in _spared


def meet(optimizer: Optimizer) -> int:
    """Take note of an optimizer that was made, or is stepped; the number by which it is known in this process."""
    number = _optimizers.get(optimizer)
    if number is None:
        with _lock:
            number = _optimizers[optimizer] = next(_numbers)
        spare_nobody()
    return number


def optimizers() -> tuple[Optimizer, ...]:
    """The optimizers that are alive, of those made or stepped while somebody listened."""
    with _lock:
        return tuple(_optimizers)


def holders() -> dict[int, set[int]]:
    """Of each parameter that any of these optimizers holds, by its identity, the numbers of these optimizers."""
    found: dict[int, set[int]] = {}
    with _lock:
        known = tuple(_optimizers.items())
    for optimizer, number in known:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                found.setdefault(id(parameter), set()).add(number)
    return found


def parameters_of(number: int | None) -> list[Tensor]:
    """What the optimizer of a number holds; nothing where it is gone, or there is none."""
    with _lock:
        known = tuple(_optimizers.items())
    return [p for optimizer, own in known if own == number for group in optimizer.param_groups for p in group["params"]]


def held_parameters() -> set[int]:
    """Identities of the parameters that any of these optimizers holds."""
    return set(holders())


def one_optimizer() -> bool:
    """Whether only one of them is alive."""
    return len(_optimizers) == 1


def forget() -> None:
    """In a forked process: what it does is not the training that is watched, and the run is not its to write."""
    _spared.clear()
    quiet.steps = quiet.recording = quiet.listener = None
    for known in _hearing.values():
        known.clear()


def _attach(listener: Listener, event: str) -> None:
    method = getattr(listener, event, None)
    if method is not None:
        key = listener.updates_of if event in UPDATES else None
        _hearing[event][key] = (*_hearing[event].get(key, ()), (listener, method))


def _detach(listener: Listener, event: str) -> None:
    key = listener.updates_of if event in UPDATES else None
    left = tuple(one for one in _hearing[event].get(key, ()) if one[0] is not listener)
    if left:
        _hearing[event][key] = left
    else:
        _hearing[event].pop(key, None)


def _drop(listener: Listener, error: Exception) -> None:
    """Let a listener that raised hear no more."""
    remove(listener)
    with contextlib.suppress(Exception):  # what failed once may fail again as it lets go
        listener.failed(error)
    message = f"unstuck stopped watching: {type(error).__name__}: {error}"
    with contextlib.suppress(Warning):  # not even where warnings are errors
        warnings.warn(message, RuntimeWarning, stacklevel=4)
