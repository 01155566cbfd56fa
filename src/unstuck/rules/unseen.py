"""What of a run was not seen, and why: parts of the observation that failed, blind spots, trainings not watched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from unstuck.learning.evaluations import Evaluations
from unstuck.record import Run, Signal, facts, signals
from unstuck.record.facts import Event, Fact, Unread, Unwatched
from unstuck.rules.rule import Need

__all__ = [
    "PARTS",
    "Part",
    "behind",
    "behind_any",
    "reason",
    "seen_whole",
    "unseen",
    "unwatched",
    "watching_ended",
]

ENDED: Mapping[str, str] = {"interrupted": "; {} was interrupted", "crashed": "; {} crashed"}
"""How the latest training that was not watched ended, where the program ended with it."""

MOST_ROWS = 4
"""Rows of trainings that were not watched, as they are named."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the observation.

    Attributes:
        words: What it sees, in words.
        states: The facts that it states.
        feeds: Names of the parts that see only what it finds.
    """

    words: str
    states: tuple[type[Fact], ...] = ()
    feeds: tuple[str, ...] = ()


OF_LOSSES = (
    *("AddedNoises", "Bootstraps", "ExampleOrder", "LogPartition", "LossPositions", "SequenceReaches"),
    *("Similarities", "TargetCodes", "TargetOffsets", "TargetsAgain", "TrainedAssociation", "VisibleTargets"),
)
"""Parts that see the losses that are called, and those that are written out."""

OF_IDS = ("LossPositions", "SequenceReaches", "TargetCodes", "TargetsAgain")
"""Parts that see the losses of steps in which ids are turned into vectors."""

PARTS: Mapping[str, Part] = {
    "Inputs": Part(words="inputs", states=(facts.Inputs,)),
    "SampledValues": Part(words="sampled values", states=(facts.NonDifferentiableSample,)),
    "Opponents": Part(words="which way both sides of a game go", states=(facts.Opponent, facts.Generated)),
    "ConstantGradients": Part(words="gradients that are terms of the loss", states=(facts.ConstantGradient,)),
    "LostBranches": Part(words="layers that the loss does not reach", states=(facts.LostBranch,)),
    "Detachments": Part(words="detached tensors", states=(facts.Detachment,)),
    "InfiniteSlopes": Part(words="functions of infinite slope"),
    "Losses": Part(words="targets and outputs at the loss", states=(facts.Loss,), feeds=OF_LOSSES),
    "HandwrittenLosses": Part(
        words="losses that are written out",
        states=(facts.Loss,),
        feeds=("Losses", *OF_LOSSES),
    ),
    "TrainedAssociation": Part(
        words="how inputs and targets belong together", states=(facts.Association, facts.Unpaired)
    ),
    "TargetOffsets": Part(words="targets among the inputs of a sequence", states=(facts.TargetOffset,)),
    "VisibleTargets": Part(words="targets that stand in the input", states=(facts.VisibleTarget,)),
    "Similarities": Part(words="vectors that are compared", states=(facts.Contrast, facts.Embeddings)),
    "SummedExamples": Part(words="sums over the examples of a batch", states=(facts.SummedExamples,)),
    "PolicyTerms": Part(words="terms of a policy", states=(facts.IgnoredEnds, facts.PolicyEntropy, facts.PolicyTerm)),
    "AddedNoises": Part(words="noise in inputs and targets", states=(facts.AddedNoise, facts.Condition)),
    "Latents": Part(words="latent variables", states=(facts.Latent,)),
    "Bootstraps": Part(
        words="targets made of a network's outputs", states=(facts.ActorLoss, facts.Bootstrap, facts.TargetNetwork)
    ),
    "ExampleOrder": Part(words="examples that are sorted", states=(facts.ExampleOrder,)),
    "EmbeddedIds": Part(
        words="ids that are turned into vectors",
        feeds=("AddedTables", "AttentionCalls", *OF_IDS),
    ),
    "AddedTables": Part(words="tables of positions", states=(facts.AddedTable, facts.EqualPositions)),
    "AttentionCalls": Part(words="what attention looks at", states=(facts.AttentionCall,)),
    "LossPositions": Part(words="which targets of a sequence are scored", states=(facts.ScoredPositions,)),
    "TargetCodes": Part(words="by which ids targets name tokens", states=(facts.TargetCode,)),
    "TargetsAgain": Part(words="targets of sequences that come again", states=(facts.TargetsAgain,)),
    "SequenceReaches": Part(
        words="which positions of a sequence outputs rest on", states=(facts.SequenceReach, facts.UnfollowedSequence)
    ),
    "AxisCalls": Part(
        words="axes of calls",
        states=(facts.Broadcast, facts.Normalisation, facts.Recurrence, facts.Reinterpretation, facts.Softmax),
    ),
    "Activations": Part(words="activations"),
    "Attention": Part(words="attention"),
    "ExpertLoads": Part(words="loads of experts", states=(facts.Router,)),
    "BatchStatistics": Part(words="statistics of batch norms", states=(facts.BatchStatistics,)),
    "Adapters": Part(words="products of low-rank adapters", states=(facts.Adapter,)),
    "LogPartition": Part(words="the log-partition of outputs"),
    "LossTerms": Part(words="terms of the loss", states=(facts.LossTerms,)),
    "GradientChanges": Part(words="what becomes of gradients", states=(facts.GradientChange,)),
    "Parameters": Part(words="weights, gradients and updates"),
    "UnitCopies": Part(words="units that are copies of each other"),
    "Graphs": Part(
        words="the graph of the loss",
        states=(facts.Contraction, facts.Graph, facts.Ran, facts.Wiring),
    ),
    "LostCheckpoints": Part(words="checkpoints without a gradient", states=(facts.LostCheckpoint,)),
    "LossScaling": Part(words="what a GradScaler does", states=(facts.LossScaling,)),
    "NarrowConstants": Part(words="constants in float16", states=(facts.NarrowConstant,)),
    "RoundedAverages": Part(words="averages of the weights", states=(facts.RoundedAverage,)),
    "RoundedInputs": Part(words="data in half precision", states=(facts.RoundedInput,)),
    "ThrownBatches": Part(words="batches that throw the loss", states=(facts.ThrownBatch,)),
    "UnoptimizedParameters": Part(
        words="parameters without an optimizer", states=(facts.UnoptimizedParameters, facts.MisplacedOptimizer)
    ),
    "BatchDependence": Part(words="how examples of a batch depend on each other", states=(facts.BatchMixing,)),
    "CriticalPoints": Part(words="points without a gradient", states=(facts.CriticalPoint,)),
    "Uncalled": Part(words="modules that are never called", states=(facts.UncalledModules,)),
    "FirstCurvature": Part(words="how curved the loss is at first", states=(facts.FirstCurvature,)),
    "ModesOfModules": Part(words="modes of modules", states=(facts.Modes, facts.StaleCopy)),
    "Schedules": Part(words="schedules", states=(facts.Schedule,)),
    "Loaders": Part(words="data loaders", states=(facts.Loader,)),
    "WeightsLeftOut": Part(words="weights that were not loaded", states=(facts.WeightsLeftOut,)),
    "SpreadTensors": Part(words="tensors that several processes hold together"),
    "Evaluations": Part(
        words="evaluations",
        states=(
            facts.EvaluatedAssociation,
            facts.FunctionalDropout,
            facts.Overlap,
            facts.Continued,
            facts.PromptEnds,
            facts.Shift,
            facts.WindowsShared,
        ),
    ),
}
"""The parts of the observation, by the name under which :class:`~unstuck.record.facts.Unread` says that one failed."""

AT_THE_LOSS = frozenset(
    {
        signals.ACCURACY,
        signals.LOSS_CALL,
        signals.OUTPUT_MEAN,
        signals.OUTPUT_SPREAD,
        signals.OUTPUT_STD,
        signals.PREDICTION_TOP,
        signals.TARGET_AUTOCORRELATION,
        signals.TARGET_MEAN,
        signals.TARGET_REPEATS,
        signals.TARGET_STD,
        signals.TARGET_TOP,
    }
)
"""Signals of the loss call, which end too when a loss that is written out is no longer recognised."""


def behind(run: Run, need: Need) -> Unread | None:
    """The failure for which a signal or fact is missing, or ends before the training does; None where there is none.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from unstuck.testing.rules import record
        >>> failed = Unread(step=0, collector="Inputs", signals=("input_mean",), error="RuntimeError: no storage")
        >>> with record(Path(tempfile.mkdtemp()), facts=[failed]) as run:
        ...     reason(run, facts.Inputs), behind(run, facts.Loss)
        ('inputs could not be read: RuntimeError: no storage', None)
    """
    return next((failure for failure in run.facts(Unread) if _explains(run, failure, need)), None)


def behind_any(run: Run, touched: Iterable[object]) -> Unread | None:
    """The first failure behind any of what was read of a run, as :meth:`~unstuck.record.Run.trace` gives it."""
    failures = run.facts(Unread)
    if not failures:
        return None
    keys = [signals.BY_KEY.get(key) if isinstance(key, str) else key for key in touched]
    needs = [key for key in keys if isinstance(key, Signal) or (isinstance(key, type) and issubclass(key, Fact))]
    return next((failure for failure in failures if any(_explains(run, failure, need) for need in needs)), None)


def reason(run: Run, need: Need) -> str:
    """Why a signal or fact is missing, as a clause that is true of this run."""
    failure = behind(run, need)
    if failure is not None:
        return words_of(failure)
    return Evaluations.of(run).without(need) or need.missing


def words_of(failure: Unread) -> str:
    """A failure as the reason of what was not evaluated."""
    since = f" from step {failure.step:,} on" if failure.step else ""
    return f"{_part(failure)} could not be read{since}: {failure.error}".removesuffix(": ")


def unseen(streams: Sequence[Run]) -> tuple[str, ...]:
    """What was not seen of these trainings, each once: the parts that failed, then the blind spots.

    That watching ended altogether is not among them.
    """
    failures: dict[tuple[str, str], list[Unread]] = {}
    blind: dict[str, None] = {}
    for stream in streams:
        for failure in stream.facts(Unread):
            failures.setdefault((failure.collector, failure.error.partition(":")[0]), []).append(failure)
        blind.update((event.what, None) for event in stream.facts(Event) if event.blinds and not event.ends_watching)
    return (
        *(_line(alike, len(streams)) for alike in failures.values()),
        *blind,
    )


def unwatched(streams: Sequence[Run]) -> str:
    """How many trainings of the program were not watched, and why, in a sentence; empty where all were."""
    stated = [fact for stream in streams for fact in stream.facts(Unwatched)[-1:] if fact.trainings]
    count = sum(fact.trainings for fact in stated)
    if not stated:
        return ""
    whole = count + sum(stream.has(signals.LOSS) for stream in streams)
    was = "was" if count == 1 else "were"
    last = ENDED.get(stated[0].ended, "").format("it" if count == 1 else "the last of them")
    rows = "" if len(stated) > 1 else _rows(stated[0].which)
    return f"{count:,} of {whole:,} trainings {was} not watched{rows}: {stated[0].reason.rstrip('.')}{last}."


def _rows(which: Sequence[tuple[int, int]]) -> str:
    """Which trainings, in brackets; of many rows the longest."""
    longest = sorted(sorted(which, key=lambda row: row[0] - row[1])[:MOST_ROWS])
    said = ", ".join(f"{first:,}" if first == last else f"{first:,} to {last:,}" for first, last in longest)
    return f" ({said}{' and others' if len(which) > MOST_ROWS else ''})" if which else ""


def watching_ended(streams: Sequence[Run]) -> str:
    """Why watching ended before the training did, in a sentence; empty where it did not."""
    events = (event for stream in streams for event in stream.facts(Event))
    return next((event.what for event in events if event.ends_watching), "")


def seen_whole(streams: Sequence[Run]) -> bool:
    """Whether every part of every training was seen, so that silence says something of all of it."""
    lost = (end.unrecorded for stream in streams for end in stream.facts(facts.End)[-1:])
    return not unwatched(streams) and not unseen(streams) and not any(lost)


def _explains(run: Run, failure: Unread, need: Need) -> bool:
    part = PARTS.get(failure.collector)
    if isinstance(need, Signal):
        last = run.last_step(need)
        if need.key in failure.signals:
            return last is None or _before_the_end(run, failure)
        indirect = part is not None and "Losses" in part.feeds and need in AT_THE_LOSS
        return indirect and (last is None or (last <= failure.step and _before_the_end(run, failure)))
    if part is None:
        return False
    if need in part.states:
        return not run.knows(need) or _before_the_end(run, failure)
    return not run.knows(need) and any(need in PARTS[name].states for name in part.feeds)


def _before_the_end(run: Run, failure: Unread) -> bool:
    last = run.last_step(signals.LOSS)
    return last is not None and failure.step <= last


def _part(failure: Unread) -> str:
    """What a part sees; of one that this release does not know, its name in words."""
    known = PARTS.get(failure.collector)
    return known.words if known else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", failure.collector).lower()


def _line(alike: Sequence[Unread], trainings: int) -> str:
    first = min(alike, key=lambda failure: failure.step)
    since = f", since step {first.step:,}" if first.step else ""
    why = f" ({first.error})" if first.error else ""
    where = f", in {len(alike):,} of {trainings:,} trainings" if trainings > 1 else ""
    return f"not seen: {_part(first)}{since}{why}{where}"
