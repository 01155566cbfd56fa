"""Every sentence that a report says of its own, in one table; what rules say stands in the rules.

A translation is a second table with the same keys. Values in braces are filled in by :meth:`Words.say`.
"""

# ruff: noqa: E501  a sentence stands on one line, however long
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["EN", "ENGLISH", "Words"]

EN: Mapping[str, str] = {
    # The verdict; its own sentences stand in rules/headline.py.
    "severity.error": "error",
    "severity.warning": "warning",
    "severity.note": "note",
    "finding.where": "where",
    "finding.evidence": "how we know",
    "finding.advice": "change",
    "finding.confidence": "confidence",
    "finding.symptoms": "symptoms",
    "finding.thrown": "what came first",
    "finding.symptoms.explained": "Symptoms that this explains ({count})",
    "finding.confirmed": "tried",
    "finding.refutation": "speaks against it: {tried}",
    "finding.more-evidence": "and {count} more",
    "finding.more-symptoms": "and {count} more",
    "finding.more": "and {count} more: {codes}",
    "evidence.above": "{signal} {value}, above {threshold}",
    "evidence.below": "{signal} {value}, below {threshold}",
    "evidence.at": "{signal} {value}, at the bound",
    "evidence.bound": "{signal} {value}, bound {threshold}",
    "evidence.plain": "{signal} {value}",
    "evidence.step": "step {first}",
    "evidence.steps": "steps {first}–{last}",
    "confidence.95": "almost certain",
    "confidence.80": "very likely",
    "confidence.60": "likely",
    "confidence.40": "possible",
    "confidence.0": "a guess",
    "checked.counts": "{clear} checks found nothing, {unknown} could not be made{more}",
    "checked.named": ".",
    "checked.unnamed": "; --full lists them.",
    "checked.clear": "found nothing",
    "checked.clear.title": "Found nothing ({count})",
    "checked.nothing": "No check could be made.",
    "checked.unknown": "Could not be made ({count})",
    "checked.unknown.short": "could not be made",
    "cost.known": "Observing took {seconds} s, {share} of the training time; {sampled} of {steps} steps were sampled.",
    "cost.short": "Observing took {seconds} s of a training of {training} s (a longer one pays a smaller share); "
    "{sampled} of {steps} steps were sampled.",
    "cost.unknown": "What observing cost was not recorded.",
    # The run in one line.
    "run.rate": "{optimizer} at rate {rate}",
    "run.climb": "{first} to {peak}",
    "run.steps": "{steps} steps",
    "run.open": "{steps} steps so far",
    "run.trainings": "{count} trainings{order}: {named}",
    "run.sequential": ", one after the other",
    "run.simultaneous": " at the same time",
    "run.overlapping": ", up to {most} at the same time",
    "run.more": "and {count} more",
    "run.parameters": "{count} parameters",
    "run.unknown": "nothing is known of this run but its signals",
    # The page.
    "page.title": "{run}: {verdict}",
    "page.eyebrow": "unstuck · training report",
    "page.skip": "Skip to the plots",
    "page.plots": "The training in pictures",
    "page.stream": "Training {number} of {count}",
    "page.chapters": "{shown} of {count} trainings are drawn, evenly spread over the run.",
    "page.hint": "Drag across a plot to look closer at those steps; all plots follow. Arrow keys move the cursor.",
    "page.model": "The model, layer by layer",
    "page.facts": "The run's facts",
    "page.recipe": "Recipe",
    "page.noscript": "The curves are drawn by a script in this file; this browser runs none. The verdict needs none.",
    "page.failed": "This plot could not be drawn",
    "page.foot": "Written by unstuck {version}. This file is complete: it loads nothing from the network.",
    "page.linear": "linear",
    "page.log": "logarithmic",
    "page.scale": "Vertical axis",
    "page.reset": "Show all steps",
    "page.step": "step",
    "page.read": "How to read it",
    "page.missing": "Not drawn: {reason}.",
    "page.partly": "{what} is not drawn: {reason}.",
    "page.some": "{shown} of {count} are drawn: first, last, the highest, the lowest, and others evenly by depth.",
    "page.some-layers": "{shown} of {count} layers are drawn, evenly by depth.",
    "page.nonfinite": "{count} of {total} samples are NaN or infinite and leave gaps; the first is at step {step}.",
    "page.until": "Samples end at step {step} of {last}: later steps were not looked at.",
    "page.empty": "no value is finite",
    "page.toggle": "show or hide",
    # The plots.
    "loss.name": "Loss",
    "loss.fell": "The loss fell from {first} to {last}",
    "loss.rose": "The loss rose from {first} to {last}",
    "loss.stood": "The loss stayed at {last}",
    "loss.peaked": "The loss climbed from {first} to {peak}, and ended at {last}",
    "loss.broke": "The loss stopped being finite at step {step}",
    "loss.read": "A straight, slow descent asks for a higher rate; a fast one that levels off high, swings or climbs asks "
    "for a lower one; the spread around the mean is the noise of small batches.",
    "loss.batch": "batch",
    "loss.mean": "mean of {window} samples",
    "loss.validation": "validation",
    "loss.validation.long": "The validation loss",
    "loss.expected": "untrained: {formula} = {value}",
    "loss.expected.plain": "untrained: {value}",
    "accuracy.name": "Accuracy",
    "accuracy.validation-peak": "Validation accuracy reached {best} at step {step}",
    "accuracy.train-peak": "Training accuracy reached {best} at step {step}",
    "accuracy.read": "A gap that opens between training and validation is overfitting; two curves that stay together and "
    "low ask for a larger model or a longer training.",
    "accuracy.train": "training",
    "accuracy.train-mean": "training, mean of {window} batches",
    "accuracy.validation": "validation",
    "accuracy.train.long": "The training accuracy",
    "accuracy.validation.long": "The validation accuracy",
    "accuracy.majority": "always the commonest class",
    "rate.name": "Learning rate",
    "rate.all": "all parameters",
    "rate.groups": "group {names}",
    "rate.constant": "The learning rate stayed at {last}",
    "rate.changed": "The learning rate went from {first} to {last}",
    "rate.read": "A rate should come down where the loss has levelled off, and not before it has.",
    "ratio.name": "Update ratio by layer",
    "ratio.low": "A step changes weights by {median} of their size: far less than 1e-3",
    "ratio.fine": "A step changes weights by {median} of their size: near the usual 1e-3",
    "ratio.high": "A step changes weights by {median} of their size: far more than 1e-3",
    "ratio.moved": "A step changes weights by {first} of their size at first, by {last} at the end",
    "ratio.read": "‖Δw‖ / ‖w‖ should be about 1e-3: far below, the rate is too low or the gradient does not reach the "
    "layer; far above, each step overwrites what the last ones learned.",
    "ratio.thumb": "1e-3, the rule of thumb",
    "gradient.name": "Gradient norm beside the loss",
    "gradient.fell": "The gradient norm fell from {first} to {last}",
    "gradient.rose": "The gradient norm rose from {first} to {last}",
    "gradient.stood": "The gradient norm stayed near {last}",
    "gradient.read": "Stuck is not a small gradient: where the loss stands still while the gradient stays large, steps "
    "bounce between the walls of a narrow valley; only where both are small is the ground flat.",
    "gradient.norm": "gradient norm (left)",
    "gradient.loss": "loss, mean (right)",
    "gradient.loss.long": "The loss",
    "cosine.name": "Cosine of successive gradients",
    "cosine.few": "Of {count} pairs of successive gradients sampled, the cosines go from {low} to {high}",
    "cosine.title": "Successive gradients have a cosine of {late} over the last half",
    "cosine.read": "Above zero, successive batches agree on a slope: training is at no critical point. Below zero, steps "
    "bounce between walls: the rate is large for the curvature. At zero, what is left is the noise of batches.",
    "cosine.step": "cosine",
    "cosine.mean": "mean of {window} samples",
    "cosine.none": "nothing in common",
    "dead.name": "Dead units by layer",
    "dead.none": "No layer ends with dead units",
    "dead.some": "{share} of the units of layer {layer} end dead",
    "dead.read": "A rectifier that gives zero for every example gets no gradient and seldom comes back; many in one layer "
    "usually mean that the rate was too high.",
    "saturated.name": "Saturated units by layer",
    "saturated.none": "No layer ends saturated",
    "saturated.some": "{share} of the outputs of layer {layer} end saturated",
    "saturated.read": "At the ends of a tanh or a sigmoid the slope is nearly zero, and so is the gradient of every layer "
    "below.",
    "histogram.name": "Activations by layer",
    "histogram.kept": "The spread of activations survives from layer to layer (within a factor of {factor})",
    "histogram.lost": "The spread of activations differs {factor} times between layers",
    "histogram.plain": "How the outputs of each layer are distributed",
    "histogram.read": "A column is the distribution of a layer's outputs at one step, strongest where most values lie: its "
    "width should survive from the first layer to the last; one that collapses onto zero or piles up at both ends passes "
    "no gradient on.",
    "histogram.label": "Outputs of {layer} from {low} to {high}, steps {first} to {last}",
    "histogram.outside": "The outermost values, at most {share} of them, are counted at the edge.",
    "vitals.title": "Vitals",
    "vitals.hint": "What large models fail by, and what left its usual range before the loss was thrown.",
    "vitals.head": "head {head} of {layer}",
    "logit.name": "Largest attention logit of each layer",
    "logit.title": "The largest attention logit went from {first} to {last} ({where})",
    "logit.read": "Above some 50 a softmax rests on single keys and passes hardly a gradient; logits that go on growing end "
    "in divergence: normalise queries and keys, or lower the rate.",
    "entropy.name": "Attention entropy, lowest head of each layer",
    "entropy.title": "The lowest entropy went from {first} to {last} of its largest value ({where})",
    "entropy.read": "1 is uniform over the keys that are not masked, 0 rests on a single one. All heads of a layer near 0 early "
    "in training are a collapse.",
    "load.name": "Load of each expert",
    "load.title": "At the end the busiest expert has {last} of the choices, the idlest {idlest} ({where})",
    "load.read": "Equal shares are the aim of load balancing; an expert that stays at 0 is dead: its weights are not trained.",
    "partition.name": "Log-partition of the output",
    "partition.title": "ln Σ exp of the logits went from {first} to {last}",
    "partition.read": "A softmax does not care where its logits lie, so that nothing holds them but a decay or a z-loss; far from 0 "
    "half precision rounds them.",
    "rank.name": "Effective rank of activations",
    "rank.title": "The lowest effective rank went from {first} to {last} directions ({where})",
    "rank.read": "The number of directions that activations vary in, of 63 that the sample can show; near 1 the layer gives one "
    "answer, however wide it is.",
    "adapters.name": "Size of low-rank adapters beside the weights that they adapt",
    "adapters.title": "The largest product BA went from {first} to {last} times the size of its frozen weight ({where})",
    "adapters.read": "The Frobenius norm of BA over that of W, before the scale that the model gives it. One that stays near 0 changes "
    "nothing; one above 1 drowns what was learnt before.",
    "norms.name": "Size of the embeddings and the head",
    "norms.title": "The size of {where} went from {first} to {last}",
    "norms.read": "Root mean square of the entries. Embeddings that shrink or grow by far change the scale of all that follows.",
    "weights.name": "Size of weights by tensor",
    "weights.title": "The largest root mean square of a tensor went from {first} to {last} ({where})",
    "weights.read": "Root mean square of the entries of each tensor; a steady growth is stopped by weight decay.",
    "updates.name": "Size of updates by tensor",
    "updates.title": "The largest root mean square of an update went from {first} to {last} ({where})",
    "updates.read": "Root mean square of what a step changes: for Adam at most about the rate; above it an old average of squares is "
    "outrun by new gradients.",
    "gradients.name": "Gradient norm by tensor",
    "gradients.title": "The largest gradient norm went from {first} to {last} ({where})",
    "gradients.read": "A spike in one tensor alone shows where a spike of the whole comes from.",
    "noise.name": "Noise scale of the batch",
    "noise.title": "The noise scale went from {first} to {last} examples, at a batch of {batch}",
    "noise.read": "The batch at which the noise of the gradient is as large as the gradient, from the cosines of successive ones: "
    "far smaller batches waste steps, far larger ones waste examples.",
    "noise.batch": "the batch, {batch}",
    "noise.gaps": "No number where successive gradients have no direction in common.",
    "filters.name": "First-layer filters",
    "filters.title": "What the first layer looks for",
    "filters.read": "Smooth, distinct patterns are a sign of good training; noisy ones come from too short a training, a "
    "rate too high or regularisation too weak.",
    "filters.signed": "Each filter is scaled to its own largest weight: orange is positive, blue negative, pale near zero.",
    "filters.colour": "Each filter is scaled to its own range and drawn in colour.",
    "filters.matrix": "A row is a unit, a column an input: orange is positive, blue negative, pale near zero.",
    "filters.step": "after {step} steps",
    "filters.first": "before training",
    "filters.some": "{shown} of {count} filters are drawn.",
    "filters.alt": "First-layer filters at step {step}",
    "filters.missing": "the weights of the first layer were not recorded",
    "filters.nonfinite": "the weights of the first layer are not finite at step {step}",
    # Tables.
    "model.layer": "layer",
    "model.type": "type",
    "model.parameters": "parameters",
    "model.count": "count",
    "model.frozen": "frozen",
    "model.not-optimized": "not in the optimizer",
    "model.other": "(outside any layer)",
    "model.total": "all",
    "model.more": "and {count} more layers",
    "model.missing": "nothing is known of the model",
    "fact.data": "Data",
    "fact.data.value": "{name}, {task}: {train} training, {validation} validation, {test} test examples",
    "fact.classes": "{count} classes",
    "fact.inputs": "Inputs",
    "fact.inputs.batch": "{kind}, batch shape {shape}",
    "fact.inputs.value": "{batch}, values {low} to {high}",
    "fact.optimizer": "Optimizer",
    "fact.group": "{count} tensors",
    "fact.learning_rate": "rate",
    "fact.weight_decay": "weight decay",
    "fact.momentum": "momentum",
    "fact.betas": "betas",
    "fact.epsilon": "epsilon",
    "fact.schedule": "Schedule",
    "fact.schedule.value": "{type}, stepped every {per}",
    "fact.loss": "Loss function",
    "fact.loss.value": "{function}, reduction {reduction}",
    "fact.loss.unknown": "only its value was seen",
    "fact.initial_loss": "Initial loss",
    "fact.initial_loss.value": "{value}; expected {expected} ± {tolerance} ({formula})",
    "fact.training": "Planned",
    "fact.training.epochs": "{count} epochs",
    "fact.training.steps": "{count} steps an epoch",
    "fact.training.patience": "patience {count} epochs",
    "fact.evaluations": "Evaluations",
    "fact.evaluations.one": "1 evaluation",
    "fact.evaluations.many": "{count:,} evaluations",
    "fact.evaluations.examples": "{low} examples each",
    "fact.evaluations.sizes": "{low} to {high} examples each",
    "fact.evaluations.loss": "loss of {count} known",
    "fact.evaluations.accuracy": "accuracy of {count} known",
    "fact.evaluations.unmeasured": "neither their loss nor their accuracy is known",
    "fact.end": "Ended",
    "fact.end.value": "{reason} after {steps} steps",
    "fact.end.partly": "after {steps} steps: {reason}",
    "fact.non_finite": "First NaN or infinity",
    "fact.non_finite.value": "{what} at step {step}",
    "fact.event": "Events",
    "fact.event.value": "step {step}: {what}",
    "fact.event.more": "and {count} more",
    "fact.cost": "Cost of observing",
    "fact.environment": "Environment",
}
"""English."""


@dataclass(frozen=True)
class Words:
    """A language.

    Attributes:
        table: Its sentences by key.

    Examples:
        >>> ENGLISH.say("run.steps", steps=900)
        '900 steps'
        >>> ENGLISH.count("fact.evaluations", 1)
        '1 evaluation'
    """

    table: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """The sentence of a key, with its values filled in."""
        return self.table[key].format(**values)

    def count(self, key: str, number: int) -> str:
        """The sentence of a key for one thing or for many."""
        return self.say(f"{key}.one" if number == 1 else f"{key}.many", count=number)


ENGLISH = Words(EN)
