"""See evaluations between training steps: their loss, their accuracy, and whether their examples were trained on."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unstuck.observe.collectors.association import AssociationProbe
from unstuck.observe.collectors.continued_sequences import ContinuedSequences
from unstuck.observe.collectors.evaluated_examples import EvaluatedExamples
from unstuck.observe.collectors.evaluated_pass import PassOverExamples, Result
from unstuck.observe.collectors.functional_dropouts import DROPOUTS, DropoutProbe
from unstuck.observe.collectors.handwritten_losses import HandWritten, HandwrittenLosses, LossCall
from unstuck.observe.collectors.input_shift import ShiftProbe
from unstuck.observe.collectors.inputs import first_tensor, whole_examples
from unstuck.observe.collectors.losses import LOSS_FUNCTIONS, Losses, loss_arguments
from unstuck.observe.collectors.seen_examples import SeenExamples
from unstuck.observe.tensors.readable import is_readable
from unstuck.observe.torch_hooks.forward import running_modules
from unstuck.observe.user_code.frames import user_trail
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import facts

__all__ = ["Evaluations"]

ARGMAX = frozenset({torch.argmax, Tensor.argmax, torch.max, Tensor.max, torch.topk, Tensor.topk})
EQUAL = frozenset({torch.eq, Tensor.eq, Tensor.__eq__})
REMEMBERED = 8
MOST_ENDS = 1_024
"""Ids in which evaluated sequences end, that are counted."""


class Evaluations:
    """Collect evaluations; :meth:`close` them when training goes on.

    Args:
        identity: The examples met so far; evaluated ones are added.
        roots: The modules that are evaluated.
        losses: The losses of training: a loss that is written out counts if it is one of them, and not some other
            measure of success.
    """

    def __init__(self, identity: SeenExamples, roots: Roots, losses: Losses) -> None:
        self.spent = 0.0
        self.shift = ShiftProbe()
        self.dropouts = DropoutProbe(roots)
        self._identity = identity
        self._examples = EvaluatedExamples(identity)
        self._passes: dict[str, PassOverExamples] = {}
        self._place = ""
        self._passed, self._measured = set[str](), set[str]()
        self._roots = roots
        self._losses = losses
        self._written = HandWritten()
        self._batch: Tensor | None = None
        self._paired = False
        self._pairs: dict[str, AssociationProbe] = {}
        self._outputs: list[tuple[weakref.ref[Tensor], int, str]] = []
        self._of_others: list[tuple[weakref.ref[Tensor], int]] = []
        self._elsewhere = set[str]()
        self._predictions: list[Tensor] = []
        self._predicted: dict[str, facts.Predictions] = {}
        self._ends = Counter[int]()
        self._continued = ContinuedSequences()
        self.error: Exception | None = None
        calls = dict.fromkeys(HandwrittenLosses.functions, self._write)
        calls |= dict.fromkeys(LOSS_FUNCTIONS, self._lose)
        calls |= dict.fromkeys(ARGMAX, self._predict) | dict.fromkeys(EQUAL, self._compare)
        calls[Tensor.__getitem__] = self._choose
        self.calls: Mapping[Any, Callable[..., None]] = calls | dict.fromkeys(DROPOUTS, self._drop)
        self.scalars = self._write

    def failed(self, error: Exception) -> None:
        """Keep the error for the observer."""
        self.error = error

    def batch(self, inputs: tuple[Any, ...]) -> None:
        """A forward pass without gradients begins; its place is the trail of the user's calls that led there.

        Args:
            inputs: The batch; empty where another module than the first one receives what that one gave.
        """
        self._take_written(self._written.forget())
        batch = first_tensor(inputs)
        if batch is not None or not self._place:
            self._place = user_trail()
            self._passes.setdefault(self._place, PassOverExamples())
        if batch is not None:
            self._batch, self._paired = batch.detach(), False
            self._passes[self._place].examples += len(batch) if is_readable(batch) and batch.dim() else 1
            examples = whole_examples(inputs)
            self._identity.evaluate(self._place, batch if examples is None else examples)
            self.shift.evaluate(self._place, batch)
            self._passes[self._place].predictions.enter(batch)
            self._note_end(batch)
            self._continued.take(inputs)

    def _note_end(self, batch: Tensor) -> None:
        """Count the id in which all sequences of a batch end."""
        if batch.dim() != 2 or batch.is_floating_point() or batch.shape[1] < 2 or not len(batch):
            return
        if len(self._ends) < MOST_ENDS and is_readable(batch) and bool((batch[:, -1] == batch[0, -1]).all()):
            self._ends[int(batch[0, -1])] += 1

    def claims(self, module: nn.Module) -> bool:
        """An evaluation runs where its training does."""
        return False

    def module_begins(self, module: nn.Module, inputs: tuple[Any, ...], *, outermost: bool, learning: bool) -> None:
        """Nothing to take: batches come through :meth:`batch`."""

    def module_ended(self, module: nn.Module, output: Any, *, outer: nn.Module | None, learning: bool) -> None:
        """Remember which place an output belongs to: its loss may be taken after another place's forward pass.

        Those of modules that have never run in this training belong to none: another one shares a part with it.
        """
        own = self._roots.is_root(module)
        if (own or (outer is None and self._roots.is_new(module))) and (tensor := first_tensor(output)) is not None:
            known = (weakref.ref(tensor), _memory(tensor))
            if own:
                self._outputs = [*self._outputs[-REMEMBERED:], (*known, self._place)]
            else:
                self._of_others = [*self._of_others[-REMEMBERED:], known]

    def function_failed(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Nothing to take."""

    def _lose(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, *, learning: bool
    ) -> None:
        """Take a loss."""
        current = self._passes.get(self._place)
        pair = loss_arguments(args, kwargs)
        if current is None or pair is None or not isinstance(output, Tensor) or output.requires_grad:
            return
        if not is_readable(output) or self._is_of_others(pair[0]):
            return
        self._pair(pair[1])
        owner = self._passes.get(self._owner(pair[0]), current)
        name, reduction = LOSS_FUNCTIONS[function], str(kwargs.get("reduction", "mean"))
        owner.take_loss(name, output.detach(), pair, reduction, kwargs)

    def _drop(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, *, learning: bool
    ) -> None:
        """Take a dropout."""
        self.dropouts.see(function, args, kwargs, running_modules())

    def _predict(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, *, learning: bool
    ) -> None:
        """Take the most likely classes."""
        found = output if isinstance(output, Tensor) else getattr(output, "indices", None)
        if isinstance(found, Tensor) and not found.is_floating_point() and not self._is_of_others(args[0]):
            self._predictions = [*self._predictions[-REMEMBERED:], found]
            if (current := self._passes.get(self._place)) is not None:
                current.predictions.predict(found)

    def _choose(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, *, learning: bool
    ) -> None:
        """Take some of the most likely classes, such as those that a mask is true for.

        Not where the model was trained on the same inputs: whether it was on these rows is not known.
        """
        chosen = isinstance(output, Tensor) and any(args[0] is known for known in self._predictions)
        if chosen and not self._examples.trained_on(self._place):
            self._predictions = [*self._predictions[-REMEMBERED:], output]

    def _compare(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, *, learning: bool
    ) -> None:
        """Take a comparison of the most likely class with the target."""
        current = self._passes.get(self._place)
        targets = [arg for arg in args if not any(arg is known for known in self._predictions)]
        if current is None or len(args) != len(targets) + 1 or len(targets) != 1 or not isinstance(output, Tensor):
            return
        if output.dtype == torch.bool and output.numel() and is_readable(output):
            current.correct.append(output.sum())
            current.compared += output.numel()
            self._pair(targets[0])
            predicted = args[0] if targets[0] is args[-1] else args[-1]
            if isinstance(targets[0], Tensor) and is_readable(targets[0]):
                current.predictions.compare(predicted, targets[0])

    def _write(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any, *, learning: bool
    ) -> None:
        """Take what may be a loss that is written out."""
        if self._place in self._passes and isinstance(output, Tensor) and not output.requires_grad:
            rows = len(self._batch) if self._batch is not None and self._batch.dim() else None
            self._take_written(self._written.see(function, args, output, rows=rows))

    def _pair(self, target: Any) -> None:
        """Take the targets of the batch that was evaluated last, once."""
        if not self._paired and isinstance(target, Tensor) and is_readable(target):
            self._paired = True
            self._pairs.setdefault(self._place, AssociationProbe()).take(self._batch, target)

    def _take_written(self, call: LossCall | None) -> None:
        """Take a loss that the user has written out."""
        if call is not None and call.function in self._losses.names and not self._is_of_others(call.output):
            owner = self._passes.get(self._owner(call.output), self._passes.get(self._place))
            if owner is not None:
                written = call.value if call.written is None else call.written
                owner.take_loss(call.function, written, (call.output, call.target), "sum" if call.whole else "mean")

    def _is_of_others(self, output: Any) -> bool:
        """Whether a module gave it that has never run in this training."""
        if not self._of_others or not isinstance(output, Tensor):
            return False
        memory = _memory(output)
        found = any(known == memory and tensor() is not None for tensor, known in self._of_others)
        if found:
            self._elsewhere.add(self._place)
        return found

    def _owner(self, output: Tensor) -> str:
        """The place whose forward pass gave an output, or one that it is a view of; else the latest place."""
        memory = _memory(output)
        alive = ((known, place) for tensor, known, place in reversed(self._outputs) if tensor() is not None)
        return next((place for known, place in alive if known == memory), self._place)

    def close(self, step: int = 0) -> list[Result]:
        """End the evaluations since the last training step, with one result for each place.

        Args:
            step: Updates made before them.
        """
        self._take_written(self._written.forget())
        self._passed |= set(self._passes)
        self._measured |= {place for place, current in self._passes.items() if current.losses or current.compared}
        results = [
            current.result(preferred=self._losses.names, trained_on=self._examples.trained_on(place))
            for place, current in self._passes.items()
        ]
        trained = self._identity.trained
        counted = {place: current.predictions for place, current in self._passes.items()}
        self._predicted |= {place: one.fact(step=step, trained=one.met(trained)) for place, one in counted.items()}
        self._passes.clear()
        self._place = ""
        self._batch = None
        self._outputs.clear()
        self._of_others.clear()
        self._predictions.clear()
        return results

    def shifted(self) -> facts.Shift | None:
        """How far validation inputs lie from training inputs; None where that cannot be told.

        Places that measure no loss and no accuracy count only where none does: they may make samples or choose actions.
        Where what is measured is of other modules, they never count.
        """
        counted = self._measured or self._passed - self._elsewhere
        return self.shift.fact(lambda place: place in counted and not self._examples.trained_on(place))

    def association(self) -> facts.EvaluatedAssociation | None:
        """Whether evaluated targets have to do with their inputs, at the place of most pairs; it takes a while."""
        probes = [probe for place, probe in self._pairs.items() if not self._examples.trained_on(place)]
        found = max(probes, key=len).fact() if probes else None
        return None if found is None else facts.EvaluatedAssociation(**vars(found))

    def facts(self) -> Iterator[facts.Fact]:
        """What has become known."""
        for compared in (self._examples.overlap(), self.shifted()):
            if compared is not None:
                yield compared
        yield from self.dropouts.facts()
        yield from self._predicted.values()
        self._predicted.clear()

    def finish(self) -> Iterator[facts.Fact]:
        """The same at the end; it takes a while."""
        if self._ends:
            ids, passes = zip(*self._ends.most_common(), strict=True)
            yield facts.PromptEnds(ids=ids, passes=passes)
        yield from self._continued.finish()
        if (windows := self._examples.windows()) is not None:
            yield windows
        association = self.association()
        if association is not None:
            yield association


def _memory(tensor: Tensor) -> int:
    """Where a tensor's values lie: the same for its views."""
    return tensor.untyped_storage().data_ptr() if is_readable(tensor) else id(tensor)
