"""The collectors of a training, and the dispatch of what happens to those who care for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.observe.autograd.graph import GraphWalk
from unstuck.observe.collectors.activations import Activations
from unstuck.observe.collectors.added_noise import AddedNoises
from unstuck.observe.collectors.attention_calls import AttentionCalls
from unstuck.observe.collectors.bootstraps import Bootstraps
from unstuck.observe.collectors.catalogue import COLLECTORS
from unstuck.observe.collectors.constant_gradients import ConstantGradients
from unstuck.observe.collectors.followed import Calls
from unstuck.observe.collectors.graphs import Graphs
from unstuck.observe.collectors.handwritten_losses import HandwrittenLosses, LossCall
from unstuck.observe.collectors.infinite_slopes import InfiniteSlopes
from unstuck.observe.collectors.inputs import Inputs, any_tensor, data_of, first_tensor, several
from unstuck.observe.collectors.loss_terms import LossTerms
from unstuck.observe.collectors.losses import LOSS_FUNCTIONS, Losses
from unstuck.observe.collectors.rounded_averages import RoundedAverages
from unstuck.observe.collectors.sampled_values import SampledValues
from unstuck.observe.collectors.view import Collector, Follower, Measurement, Sample, View
from unstuck.observe.tensors.distributed import is_distributed
from unstuck.observe.tensors.fetched import fetched
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.user_code.module_tree import holds_parameters
from unstuck.record import facts

__all__ = ["Collectors"]

VERBS = (
    *("begin", "module", "output", "call", "scalar", "number", "failed_call", "loss", "backward", "forward"),
    *("before_update", "update", "before_backward", "ordinary", "thrown", "after_backward", "schedule_stepped"),
    *("loader_begins", "rest", "facts", "finish", "release", "network", "copy"),
    *("loss_of_ids", "backward_of_ids", "forget_ids", "led_past"),
)

OF_MODULES = frozenset({"module", "output"})
"""Those of them whose first argument is a module, which collectors may want to hear of for some classes alone."""

BETWEEN: tuple[type[Collector], ...] = (
    *(InfiniteSlopes, Losses, HandwrittenLosses, Activations, LossTerms, ConstantGradients),
)
"""Those who are shown what is called between the backward passes of a step: they tell what comes again."""

EVERYWHERE: tuple[type[Collector], ...] = (SampledValues, AddedNoises, AttentionCalls, Bootstraps, RoundedAverages)
"""Those who are shown, too, what is called where gradients are off: draws, averages, what targets are made of, what a
checkpoint will run again."""

PRODUCTS: frozenset[Any] = frozenset(
    {torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, Tensor.mm, torch.addmm, functional.linear}
)


class Collectors:
    """Keep the view of a sampled step, and tell collectors what happens in it.

    Args:
        view: What is known of the step.
        adopting: Whether modules that turn out to hold parameters of the optimizer are taken in.
        bind: Called when the training turns out to run in another thread than its optimizer was made in.

    Attributes:
        spent: Seconds that looking into forward passes took.
        error: What ended the looking into forward passes; collectors' own errors end their own part only.
    """

    def __init__(self, view: View, *, adopting: bool, bind: Callable[[], None] = lambda: None) -> None:
        self.spent = 0.0
        self.error: Exception | None = None
        self._view = view
        self._adopting = adopting
        self._bind = bind
        self._fresh = True
        self._skipping = self._aside = False
        self._training_mode: bool | None = None
        self._failed: list[facts.Fact] = []
        self._followers: list[Follower] = []
        self._made = tuple(make(view) for make in COLLECTORS)
        self._all = list(self._made)
        self._graphs: Graphs = self.one(Graphs)
        self._activations: Activations = self.one(Activations)
        self._inputs: Inputs = self.one(Inputs)
        self._losses: Losses = self.one(Losses)
        self._terms: LossTerms = self.one(LossTerms)
        self._by_verb: dict[str, list[tuple[Collector, Callable[..., Any]]]] = {
            verb: [(one, getattr(one, verb)) for one in self._all if hasattr(one, verb)] for verb in VERBS
        }
        self._by_class: dict[tuple[str, type[nn.Module]], list[tuple[Collector, Callable[..., Any]]]] = {}
        by_function: dict[Any, list[tuple[Collector, Callable[..., Any]]]] = {}
        for one, call in self._by_verb["call"]:
            for function in one.functions:
                by_function.setdefault(function, []).append((one, call))
        for function in PRODUCTS:
            by_function.setdefault(function, [])
        self._calls: dict[Any, Callable[..., None]] = {
            function: functools.partial(self._called, concerned) for function, concerned in by_function.items()
        }
        # Once a batch has entered, nobody cares for the products: a model makes one in each of its layers.
        self._calls_within = {function: call for function, call in self._calls.items() if by_function[function]}
        self._calls_between = {
            function: functools.partial(self._called, told)
            for function, concerned in by_function.items()
            if (told := [pair for pair in concerned if isinstance(pair[0], BETWEEN)])
        }
        self.calls: Mapping[Any, Callable[..., None]] = self._calls
        self.scalars = functools.partial(self._called, self._by_verb["scalar"])
        view.loss_called = self._loss_called

    @property
    def complete(self) -> bool:
        """Whether a forward pass of this step has been seen."""
        return self._view.entered

    @property
    def waiting(self) -> Callable[[], bool] | None:
        """Says whether a collector wants the next backward pass told, even of an ordinary step; None: none will."""
        return self._graphs.waiting

    def one(self, kind: Any) -> Any:
        """The collector of a class, whether or not it has failed since."""
        return next(one for one in self._made if isinstance(one, kind))

    def _tell_one(self, one: Collector, method: Callable[..., Any], *args: Any) -> None:
        if one in self._all:
            try:
                method(*args)
            except Exception as error:
                self._drop(one, error)

    def tell(self, verb: str, *args: Any) -> None:
        """Tell all who have a verb; one that raises is not told of anything any more."""
        told = self._by_verb[verb]
        if verb in OF_MODULES:
            told = self._by_class.get((verb, type(args[0]))) or self._concerned(verb, type(args[0]))
        for one, method in tuple(told):
            try:
                method(*args)
            except Exception as error:
                self._drop(one, error)

    def _concerned(self, verb: str, kind: type[nn.Module]) -> list[tuple[Collector, Callable[..., Any]]]:
        told = [pair for pair in self._by_verb[verb] if issubclass(kind, getattr(pair[0], "kinds", nn.Module))]
        return self._by_class.setdefault((verb, kind), told)

    def ask(self, verb: str) -> Iterator[facts.Fact]:
        """The facts that all who have a verb give."""
        for one, method in tuple(self._by_verb[verb]):
            try:
                yield from tuple(method())
            except Exception as error:
                self._drop(one, error)

    def begin(self, step: int) -> None:
        """Begin a sampled step."""
        view = self._view
        if view.embedded:
            self.tell("forget_ids")
        view.begin(step)
        self.calls = self._calls
        self.tell("begin")
        self._followers, view.due = view.due, []
        if self._followers:
            self.calls = Calls(self._calls, self.scalars, self._follow)

    def walked(self, graph: GraphWalk) -> None:
        """A backward pass begins whose graph was walked."""
        self.tell("backward", graph)
        if self._view.embedded:
            self.tell("backward_of_ids", graph)

    def goes_on(self) -> bool:
        """A backward pass has ended that another one may follow before the update; whether to see what leads there."""
        goes_on = self._view.entered and self._view.between.goes_on()
        if goes_on:
            self._followers = [one for one in self._followers if isinstance(one, BETWEEN)]
            known = self._calls_between
            self.calls = Calls(known, self.scalars, self._follow) if self._followers else known
            self._losses.passed()
        return goes_on

    def cleared(self) -> None:
        """What the passes of this step gave was cleared before the coming one, as in a step to the sharpest point."""
        self._losses.cleared()

    def claims(self, module: nn.Module) -> bool:
        """Whether a module is this training's, which has seen nothing so far."""
        if not self._fresh or (module not in self._view.roots and not self._takes(module)):
            return False
        self._bind()
        return True

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool, learning: bool) -> None:
        """Take the batch that enters the model, unless this is an evaluation."""
        view = self._view
        outer, view.module = view.module, module
        if outermost:
            self._takes(module)
            view.given.append((id(module), inputs))
        where = view.roots.path(module)
        if where is None:
            return
        self._fresh = False
        if outermost or id(module) in view.roots.identities:
            self._skipping, self._aside = self._training_mode is True and not module.training, not learning
        view.learning = learning and not self._skipping
        if self._skipping or self._aside:
            return
        view.roots.settled = True
        view.where = where
        if view.between.began:
            if view.between.is_new(module, where) and holds_parameters(module):
                view.ran.setdefault(where, learning)
            return
        view.between.ran.add(where)
        batch = first_tensor(inputs) if not view.entered or module is view.entry else None
        view.entering = batch is not None
        view.weighted = holds_parameters(module)
        self.tell("module", module, inputs)
        for one in self._followers:
            self._tell_one(one, one.given, inputs)
        if view.weighted:
            view.ran.setdefault(view.where, learning)
        if outer is view.entry and inputs and isinstance(inputs[0], Tensor) and not inputs[0].requires_grad:
            view.inner.append((module, inputs))
        if batch is None:
            return
        alone = len(inputs) == 1 and inputs[0] is batch
        view.in_parts |= view.entered or (not alone and several(inputs))
        view.again |= view.entered
        if not view.entered:
            view.inputs = inputs
            view.entered, view.entry = True, module
            within = self._calls_within
            self.calls = Calls(within, self.scalars, self._follow) if self._followers else within
            view.batch = batch.detach() if is_readable(batch) else None

    def module_ended(self, module: nn.Module, output: Any, *, outer: nn.Module | None, learning: bool) -> None:
        """Take the output of a layer, and that of the model."""
        view = self._view
        view.module = outer
        view.where = (view.roots.path(outer) or "") if outer is not None else ""
        if outer is None:
            self.tell("network", module, output)
            self._aside = self._aside and learning
        if self._skipping or self._aside or not learning or view.roots.path(module) is None:
            return
        if view.between.began:
            if view.between.came(module):
                self._tell_one(self._activations, self._activations.output, module, output)
            return
        self.tell("output", module, output)
        if module is view.entry:
            for one in self._followers:
                self._tell_one(one, one.returned, output)
            view.ended = True
            if type(output) is not Tensor:
                view.made = frozenset(tensor.data_ptr() for tensor in data_of(output))
        tensor = output if type(output) is Tensor else any_tensor(output)
        if tensor is None:
            return
        if view.first is None and tensor.requires_grad and view.roots.leaf(module) is not None:
            view.first = tensor
        if id(module) in view.roots.identities:
            view.output = tensor

    def _called(
        self,
        concerned: Sequence[tuple[Collector, Callable[..., Any]]],
        function: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        output: Any,
        *,
        learning: bool,
    ) -> None:
        view = self._view
        view.learning = learning and not self._skipping
        if not view.entered and view.learning and view.module is None and function in PRODUCTS:
            self._enter_by_hand([value for value in args if isinstance(value, Tensor)])
        for one, call in self._told(concerned, function, output):
            if one in self._all and (view.learning or isinstance(one, EVERYWHERE)):
                try:
                    call(function, args, kwargs, output)
                except Exception as error:
                    self._drop(one, error)

    def _follow(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, *, learning: bool
    ) -> None:
        """Tell those who follow tensors of any call."""
        self._view.learning = learning and not self._skipping
        for one in self._followers:
            self._tell_one(one, one.followed, function, args, kwargs, output)

    def _told(
        self, concerned: Sequence[tuple[Collector, Callable[..., Any]]], function: Any, output: Any
    ) -> Sequence[tuple[Collector, Callable[..., Any]]]:
        """Those who care for a function, and those who care for every number, which any function may return."""
        view = self._view
        if not view.learning or type(output) is not Tensor or output.is_nested or output.ndim:
            return tuple(concerned)
        told = list(concerned)
        if function not in LOSS_FUNCTIONS:
            told += [pair for pair in self._by_verb["scalar"] if pair not in told]
        return told + self._by_verb["number"] if view.apart else told

    def function_failed(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A function refused its arguments."""
        if function in LOSS_FUNCTIONS:
            self.tell("failed_call", function, args, kwargs)

    def failed(self, error: Exception) -> None:
        """Keep the error for the observer."""
        self.error = error

    def _takes(self, module: nn.Module) -> bool:
        return self._view.roots.adopt(module, take=self._adopting)

    def _enter_by_hand(self, factors: list[Tensor]) -> None:
        """Take the batch of a program without modules: what its first weight multiplies."""
        view = self._view
        weights = [factor for factor in factors if factor.is_leaf and id(factor) in view.roots.held]
        data = [f for f in factors if not f.requires_grad and f.dim() > 1 and not is_distributed(f)]
        if weights and data:
            view.entered = True
            view.batch = data[0].detach() if is_readable(data[0]) else None
            self._tell_one(self._inputs, self._inputs.observe, data[0])

    def _loss_called(self, call: LossCall) -> None:
        if call.handwritten:
            self._tell_one(self._losses, self._losses.written, call)
        self._view.targets.append(call.target)
        if self._view.between.began:
            self._tell_one(self._terms, self._terms.loss, call)
        else:
            self.tell("loss", call)
            if self._view.embedded:
                self.tell("loss_of_ids", call)
        self._training_mode = self._view.roots.training

    def copied(self, module: nn.Module) -> None:
        """A module of the class of a root, such as an average of its weights, is about to run without gradients."""
        self.tell("copy", module)

    def measure(self, optimizer: object) -> Sample:
        """Measure the update of a sampled step, and fetch everything in one synchronisation."""
        self._view.slope = None  # what a later step gives is not of these calls
        if self._view.embedded:
            self.tell("forget_ids")
        self._view.first = self._view.output = None
        self._view.inputs, self._view.inner, self._view.embedded, self._view.networks = (), [], [], []
        for step_only in (self._view.given, self._view.targets, self._view.attended):
            step_only.clear()
        measured: list[tuple[Collector, Measurement]] = []
        for one, update in (*self._by_verb["update"], *self._view.owing):
            try:
                measurement = update(optimizer)
                if measurement is not None:
                    measured.append((one, measurement))
            except Exception as error:
                self._drop(one, error)
        sample: Sample = {}
        numbers = self._fetched(measured)
        for one, measurement in measured:
            try:
                tensors = measurement.tensors
                own = list(islice(numbers, len(tensors))) if numbers else fetched(tensors)
                sample.update(measurement.decode(own))
            except Exception as error:
                self._drop(one, error)
        view = self._view
        view.sample, view.samples = sample, view.samples + 1
        view.called.update(view.ran)
        return sample

    def _fetched(self, measured: list[tuple[Collector, Measurement]]) -> Iterator[list[float]] | None:
        """All numbers; None where they cannot be fetched together, since some tensor of them cannot at all."""
        try:
            return iter(fetched([tensor for _, measurement in measured for tensor in measurement.tensors]))
        except Exception:
            return None

    def facts(self) -> Iterator[facts.Fact]:
        """What is new since the last time."""
        yield from self.ask("facts")
        noticed, self._view.noticed = self._view.noticed, []
        failed, self._failed = self._failed, []
        yield from (*noticed, *failed)

    def _drop(self, one: Collector, error: Exception) -> None:
        """A collector has failed: it is not called any more, and its signals say why they are missing."""
        self._all = [kept for kept in self._all if kept is not one]
        for told in self._by_verb.values():
            told[:] = [pair for pair in told if pair[0] is not one]
        self._by_class.clear()
        for told in (self._view.owing, self._view.standing):
            told[:] = [pair for pair in told if pair[0] is not one]
        keys = tuple(signal.key for signal in one.measures)
        self._failed.append(
            facts.Unread(
                step=self._view.updates,
                collector=type(one).__name__,
                signals=keys,
                error=f"{type(error).__name__}: {error}"[:200],
            )
        )
