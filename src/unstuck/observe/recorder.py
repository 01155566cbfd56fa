"""Write down one training: what its samples speak of, its samples, its facts, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from unstuck.observe import blind_spots, trained
from unstuck.observe.collectors.evaluations import Evaluations
from unstuck.observe.collectors.first_filters import first_filters
from unstuck.observe.collectors.registry import Collectors
from unstuck.observe.collectors.seen_examples import SeenExamples
from unstuck.observe.collectors.view import View
from unstuck.observe.journal import Journal
from unstuck.observe.sharded.rank_store import connect
from unstuck.observe.sharded.shards import PATIENCE_SECONDS, GatheredShards, has_shards, unmeasured
from unstuck.observe.torch_hooks import events, forward
from unstuck.observe.updates import Steps
from unstuck.observe.user_code.model_structure import describe_environment, describe_model, describe_optimizer
from unstuck.record import facts, signals
from unstuck.record.signals import Index

__all__ = ["Recorder"]


class Recorder:
    """Turn what collectors have into rows of the run.

    Args:
        view: The sampled step.
        collectors: What measures it.
        seen: The examples met so far.
        evaluations: What sees evaluations.
        journal: The pen.
        made_at: Where the user's code makes the optimizer.

    Attributes:
        samples: Sampled steps so far.
        accuracy: That of the latest sampled batch.
        ratios: Update ratios of the latest sampled step, by parameter.
        shards: The statistics of sharded parameters; None where there are none.
    """

    def __init__(
        self,
        view: View,
        collectors: Collectors,
        seen: SeenExamples,
        evaluations: Evaluations,
        journal: Journal,
        *,
        made_at: tuple[str | None, int | None],
    ) -> None:
        self.samples = 0
        self.accuracy: float | None = None
        self.ratios: Sequence[float] = ()
        self.shards: GatheredShards | None = None
        self._view = view
        self._collectors = collectors
        self._seen = seen
        self._evaluations = evaluations
        self._journal = journal
        self._made_at = made_at
        self._told_compiled = False

    def open(self, optimizer: Steps) -> None:
        """Name what the samples will speak of, now that the first forward pass has shown it."""
        journal, view = self._journal, self._view
        journal.open()
        journal.name(Index.PARAMETER, view.named)
        journal.name(Index.GROUP, [f"group{i}" for i in range(len(optimizer.param_groups))])
        journal.state(
            describe_environment(view.parameters),
            self._model(optimizer),
            describe_optimizer(optimizer, self._made_at, number=view.optimizer, after=self._after(optimizer)),
        )
        if has_shards(optimizer):
            store = connect()
            self.shards = None if store is None else GatheredShards(store)
        for missing in unmeasured(view.parameters, gathered=self.shards is not None):
            journal.state(facts.Event(step=view.updates, what=missing, blinds=True))
        self._record_filters()

    def add_parameters(self, optimizer: Steps, new: dict[str, Tensor]) -> None:
        """Name parameters that were added, or found, since."""
        self._journal.name(Index.PARAMETER, new)
        self._journal.state(self._model(optimizer))

    def sample(self, optimizer: Steps) -> None:
        """Fetch and write all that this step's collectors measured."""
        view, journal = self._view, self._journal
        self._seen.learn()
        sample = self._collectors.measure(optimizer)
        self.samples += 1
        if view.appeared:
            for index, names in view.appeared.items():
                journal.name(index, names)
            view.appeared = {}
        if self.shards is not None:
            sample = self.shards.after(view.step, sample, optimizer, view.parameters)
            self.add_shards()
        journal.add_sample(view.step, sample)
        journal.add_later(view.step)
        if self.samples & (self.samples - 1) == 0:
            self.state_gathered()
            self._note(view.parameters)
        if (forward.blind() or view.roots.compiled) and not self._told_compiled:
            self._told_compiled = True
            journal.state(facts.Event(step=view.step, what=blind_spots.COMPILED, blinds=True))
        self.accuracy = sample.get(signals.ACCURACY, self.accuracy)
        self.ratios = sample.get(signals.UPDATE_RATIO, self.ratios)

    def add_shards(self, *, patience: float = 0.0) -> None:
        """Write the samples for which all processes have measured their parts; with patience, the last ones too."""
        if self.shards is None:
            return
        for step, sample in self.shards.complete(patience=patience):
            self._journal.add_sample(step, sample)
        if patience and self.shards.missed:
            self._journal.state(facts.Event(step=self._view.updates, what=blind_spots.SHARDED, blinds=True))

    def state_gathered(self) -> None:
        """State what is new."""
        self._journal.state(*self._collectors.facts(), *self._evaluations.facts())

    def finish(self, *counted: facts.Fact, thorough: bool) -> None:
        """State all that was gathered up to the end; ``thorough`` if there is time for what takes a while."""
        self._journal.fetch_losses()
        self.add_shards(patience=PATIENCE_SECONDS)
        self.state_gathered()
        if thorough:
            self._journal.state(*self._collectors.ask("finish"), *self._evaluations.finish(), *self._collectors.facts())
        self._record_filters()
        self._note(self._view.parameters if self.samples else ())
        self._journal.state(*counted)

    def _note(self, parameters: Iterable[Tensor]) -> None:
        trained.note(parameters, training=id(self), optimizer=self._view.optimizer)

    def _after(self, optimizer: Steps) -> tuple[int, ...]:
        held = (parameter for group in optimizer.param_groups for parameter in group["params"])
        return trained.continued(held, training=id(self))

    def _model(self, optimizer: Steps) -> facts.Model:
        def was_trained(parameter: Tensor) -> bool:
            return trained.was_trained(parameter, training=id(self))

        roots, named = self._view.roots, self._view.named
        return describe_model(roots, optimizer, named, held=events.held_parameters(), trained=was_trained)

    def _record_filters(self) -> None:
        filters = first_filters(self._view.roots)
        if filters is not None:
            self._journal.array("filters", self._view.updates, filters)
