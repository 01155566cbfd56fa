"""What is known of the step that is sampled: the observer writes it down once, all collectors read it."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from torch import Tensor, nn

from unstuck.observe.autograd.belonging import leads
from unstuck.observe.collectors.between_passes import BetweenPasses
from unstuck.observe.torch_hooks.events import holders, one_optimizer
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import facts
from unstuck.record.signals import Index, Signal

if TYPE_CHECKING:
    from unstuck.observe.autograd.graph import Place
    from unstuck.observe.collectors.embedded_ids import Embedded
    from unstuck.observe.collectors.handwritten_losses import LossCall
    from unstuck.observe.collectors.infinite_slopes import Spot
    from unstuck.observe.collectors.reordered import Reordered

__all__ = ["Collector", "Follower", "Measurement", "NetworkOutput", "View"]

Sample = dict[Signal, Any]


class Measurement(NamedTuple):
    """Numbers that are still on their device, and what they are.

    Attributes:
        tensors: Any shapes; all of a step are fetched at once.
        decode: Makes a sample of their values, one flat list for each tensor.
    """

    tensors: Sequence[Tensor]
    decode: Callable[[list[list[float]]], Sample]


class NetworkOutput(NamedTuple):
    """A single tensor that a module gave which no other called; neither it nor its graph nor the module is kept.

    Attributes:
        module: The module, as long as the program has it.
        place: Which node of a graph it comes from, and which output of that, as :func:`place_in_graph` tells them;
            None without a graph.
        memory: Where its values lie.
        judges: Whether it is one number for each example.
        values: Its values for an example.
    """

    module: weakref.ref[nn.Module]
    place: Place | None
    memory: int
    judges: bool
    values: int


Update = Callable[[object], "Measurement | None"]


class Collector(Protocol):
    """Answers one question; beside this it has those of the following methods that it cares for.

    ==========================================  ========================================================================
    method                                      called
    ==========================================  ========================================================================
    begin()                                     when a sampled step begins
    module(module, inputs)                      a module of the model is about to run, to learn from
    output(module, output)                      it has run
    network(module, output)                     any module has run that no other called, to learn from or not
    call(function, args, kwargs, output)        one of its ``functions`` was called
    scalar(function, args, kwargs, output)      any function has returned one number
    number(function, args, kwargs, output)      the same, and its own functions too
    failed_call(function, args, kwargs)         a loss function has refused its arguments
    loss(call)                                  a loss was called, by PyTorch's function or written out
    backward(graph)                             before a backward pass whose graph is walked
    led_past(graph)                             before a backward pass that led to nothing of the training
    loss_of_ids(call)                           ``loss``, in a step in which sequences of ids were turned into vectors
    backward_of_ids(graph)                      ``backward``, in such a step
    forget_ids()                                behind it: let go of what it gave
    forward(phase)                              before a forward pass that is attended to, of training or evaluation
    copy(module)                                a module of a root's class that is none begins to run without gradients
    schedule_stepped(schedule)                  a schedule of the training's optimizer was stepped
    loader_begins(loader)                       the iteration over a loader begins
    rest()                                      in a sampled step, while others are trained: listen to nothing
    release()                                   at the end: let go of what is the program's
    before_backward(first)                      before a backward pass; ``first`` of a sampled step
    ordinary(loss)                              then, of a sampled step, with the loss: one number on the CPU, as usual
    thrown(loss, limit)                         then, of any step whose loss is above the highest that is usual
    after_backward(backward)                    after a backward pass of a sampled step that was the training's
    before_update(optimizer)                    before the update of a sampled step
    update(optimizer)                           after it; returns a :class:`Measurement`, or None; whoever measures
                                                something in few models calls :meth:`View.owe` instead
    facts()                                     what is new since the last time; seldom
    finish()                                    facts that take tens of milliseconds, at the end
    ==========================================  ========================================================================

    A collector that raises is not called any more; its signals then say why they are missing.

    Attributes:
        measures: The signals that it gives.
        functions: The torch functions whose calls it wants to see; between the backward passes of a step, calls are
            shown to :data:`~.registry.BETWEEN` alone.
        kinds: Classes of the modules that ``module`` and ``output`` are to tell of; of all where there is none. A model
            runs each of its modules in each step, so that whoever cares for few of them should say so.
    """

    measures: tuple[Signal, ...]
    functions: frozenset[Any]


class Follower(Collector, Protocol):
    """A collector that follows what becomes of some tensors, in the steps for which it asks by ``View.due``."""

    def followed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """A function was called, whichever."""
        ...

    def given(self, inputs: tuple[Any, ...]) -> None:
        """A module is about to run."""
        ...

    def returned(self, output: Any) -> None:
        """The model has returned something."""
        ...


MOST_KEPT = 16
"""Inputs of networks, and targets of losses, that are kept of a step: an episode gives one for each of its steps."""


@dataclass
class View:
    """The sampled step.

    Attributes:
        roots: The modules that the optimizer trains.
        optimizer: The number of that optimizer among the program's; None where there is none.
        step: Updates made before it.
        updates: Updates made by now, also in a step that is not sampled.
        parameters: Their tensors, in the order of the run's names.
        named: The same by name.
        gradient: Gives a parameter's gradient: ``.grad``, or what a program without an optimizer has taken.
        learning: Whether the forward pass that runs is one to learn from.
        entered: Whether a batch has entered the model.
        batch: The first one that did; None where its values cannot be read.
        entry: The module that it entered by.
        in_parts: Whether an example is more than a row of it: a pair of tensors, or what a second pass takes.
        again: Whether a second batch has entered.
        inputs: All that the entry was given with the first.
        inner: What the modules directly within the entry were given, those that begin with data.
        ended: Whether the entry has returned.
        made: Where the data lie that it returned beside what it computed by weights.
        entering: Whether the module that is about to run is the one that examples enter by.
        module: The innermost module that runs; None outside of all.
        where: Its path.
        weighted: Whether it holds parameters itself.
        first: The first activation that needs gradients.
        output: The model's latest output.
        given: The identities of the latest modules that ran and that no other called, with what they were given.
        targets: The latest targets of losses.
        networks: The same modules, with what they gave.
        time_axis: The axis of the batch that is known to count time steps.
        embedded: The sequences of ids that were turned into vectors.
        attended: Of each attention in the step, the node that made its keys, and the path of its module.
        equal: Of what was added to sequences of vectors, the same at all positions: its place in the graph, or that of
            the sum where it has none, and the number of positions.
        followed_from: Updates from which outputs are followed back to sequences of ids again.
        reordered: What the program has put in another order, such as sequences that it sorts by length.
        ran: The layers with parameters that ran, and whether gradients were on.
        called: The layers with parameters that ran at any sampled step so far.
        samples: How many steps these are.
        between: What is new after its first backward pass.
        hooked: Whether the program has hooked a tensor of this step, or taken hold of a node of the graph.
        sample: The numbers of the latest sampled step.
        apart: Whether the loss of this step is taken apart, which needs every number that leads to it.
        highest: The largest values that each layer gave in float16 when it was seen last.
        slope: The call of this step that gave the first value that is not finite.
        slopes: File and line of the functions whose slope may be infinite.
        noticed: Facts that were noticed, once for each place of the user's code.
        appeared: Names of entries, such as layers, that were measured for the first time in this step, by index.
        due: Collectors that follow what becomes of some tensors in the next sampled step, through all functions.
        owing: Collectors that have something to measure after the update of this step alone, and what does it.
        standing: The same after the update of each sampled step, which few models have.
    """

    roots: Roots
    optimizer: int | None = None
    step: int = 0
    updates: int = 0
    parameters: list[Tensor] = field(default_factory=list[Tensor])
    named: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    gradient: Callable[[Tensor], Tensor | None] = attrgetter("grad")
    learning: bool = True
    entered: bool = False
    batch: Tensor | None = None
    entry: nn.Module | None = None
    in_parts: bool = False
    again: bool = False
    inputs: tuple[Any, ...] = ()
    inner: list[tuple[nn.Module, tuple[Any, ...]]] = field(default_factory=list[tuple[nn.Module, tuple[Any, ...]]])
    ended: bool = False
    made: frozenset[int] = frozenset()
    entering: bool = False
    module: nn.Module | None = None
    where: str = ""
    weighted: bool = False
    first: Tensor | None = None
    output: Tensor | None = None
    given: deque[tuple[int, tuple[Any, ...]]] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    targets: deque[Tensor] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    networks: list[NetworkOutput] = field(default_factory=list["NetworkOutput"])
    time_axis: int | None = None
    embedded: list[Embedded] = field(default_factory=list["Embedded"])
    attended: list[tuple[Any, str]] = field(default_factory=list["tuple[Any, str]"])
    equal: list[tuple[Place, int]] = field(default_factory=list["tuple[Place, int]"])
    followed_from: int = 0
    reordered: list[Reordered] = field(default_factory=list["Reordered"])
    ran: dict[str, bool] = field(default_factory=dict[str, bool])
    called: set[str] = field(default_factory=set[str])
    samples: int = 0
    between: BetweenPasses = field(default_factory=BetweenPasses)
    hooked: bool = False
    sample: Sample = field(default_factory=dict[Signal, Any])
    apart: bool = True
    highest: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    slope: Spot | None = None
    slopes: dict[str, tuple[str | None, int | None]] = field(default_factory=dict[str, "tuple[str | None, int | None]"])
    noticed: list[facts.Fact] = field(default_factory=list[facts.Fact])
    appeared: dict[Index, list[str]] = field(default_factory=dict[Index, list[str]])
    due: list[Follower] = field(default_factory=list["Follower"])
    owing: list[tuple[Collector, Update]] = field(default_factory=list["tuple[Collector, Update]"])
    standing: list[tuple[Collector, Update]] = field(default_factory=list["tuple[Collector, Update]"])
    loss_called: Callable[[LossCall], None] = lambda call: None
    _known: set[object] = field(default_factory=set[object])

    def begin(self, step: int) -> None:
        """A sampled step begins."""
        self.step = step
        self.learning, self.entered, self.in_parts, self.again = True, False, False, False
        self.inputs, self.inner, self.ended, self.made = (), [], False, frozenset()
        self.batch = self.entry = self.first = self.output = self.time_axis = self.module = None
        self.where = ""
        self.embedded, self.attended, self.equal, self.reordered = [], [], [], []
        self.given.clear()
        self.targets.clear()
        self.ran = {}
        self.slope = None
        self.hooked = False
        self.owing = [*self.standing]
        self.between.begin()

    def in_batch(self, row: int) -> int:
        """Where a row of the first activation stands in the batch, which the model may have sorted."""
        order = self._own_order()
        return row if order is None else int(order[row])

    def row_of(self, example: int) -> int | None:
        """The row of the first activation that is an example's of the batch; None where the model sorts nothing."""
        order = self._own_order()
        return None if order is None or example >= len(order) else int((order == example).long().argmax())

    def _own_order(self) -> Tensor | None:
        batch = self.batch
        if batch is None or not self.reordered:
            return None
        mine = (one for one in self.reordered if one.source.data_ptr() == batch.data_ptr())
        return next((one.order for one in mine if one.source.shape == batch.shape), None)

    @property
    def examples(self) -> int | None:
        """Examples of the batch."""
        return len(self.batch) if self.batch is not None and self.batch.dim() else None

    def owe(self, one: Collector, update: Update) -> bool:
        """Measure something after the update of this step; whether it was not known before that there is something."""
        if any(owing is one for owing, _ in self.owing):
            return False
        self.owing.append((one, update))
        return True

    def is_foreign(self, output: Tensor) -> bool:
        """Whether weights of other optimizers gave an output, and none of this training's."""
        if one_optimizer():
            return False
        return leads(output, self.roots.held, holders().keys() - self.roots.held).past

    def layer_of(self, output: Tensor) -> str:
        """The layer, or the parameter, whose weights are nearest to an output; empty where that is not known."""
        names = {id(parameter): name for name, parameter in self.named.items()}
        nearest = leads(output, names.keys()).nearest
        name = "" if nearest is None else names[nearest]
        return name.rpartition(".")[0] or name

    def notice(self, fact: facts.Fact | None) -> None:
        """Keep a fact once for each place of the user's code."""
        if fact is None:
            return
        key = (fact.kind, *(getattr(fact, name, None) for name in ("where", "file", "line")))
        if key not in self._known:
            self._known.add(key)
            self.noticed.append(fact)
