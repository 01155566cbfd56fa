"""What is known of a training besides its signals: its parts, and what happened to it.

A fact is a frozen dataclass of plain values. A run stores any number of each kind, in the order in which they became
known; a later fact of a kind that is stated once (the model, the optimizer) supersedes the earlier ones. Readers ignore
fields that they do not know and fill missing ones with defaults, so that facts may grow without a new schema. What is
renamed or taken apart has an entry in :mod:`unstuck.record.upgrade`, which translates the facts of older runs.
"""

from __future__ import annotations

from unstuck.record.facts.axes import BatchMixing, Contraction, Normalisation, Recurrence, Reinterpretation, Softmax
from unstuck.record.facts.data import Association, Data, Inputs, Loader, ThrownBatch, ThrownTensor, Unpaired
from unstuck.record.facts.evaluation import (
    EvaluatedAssociation,
    EvaluatedLoss,
    FunctionalDropout,
    Overlap,
    Predictions,
    Shift,
)
from unstuck.record.facts.fact import KINDS, Fact, FactT
from unstuck.record.facts.gradient import GradientCall, GradientChange
from unstuck.record.facts.graph import (
    Connection,
    CriticalPoint,
    CustomFunction,
    Detachment,
    Graph,
    LostCheckpoint,
    NonDifferentiableSample,
    Wiring,
)
from unstuck.record.facts.loss import (
    OFFSETS,
    Broadcast,
    InitialLoss,
    LateLoss,
    Loss,
    LossClasses,
    LossOutput,
    LossTarget,
    LossTerm,
    LossTerms,
    OutputReach,
    OutputSoftmax,
    TargetOffset,
    TargetOutputs,
)
from unstuck.record.facts.model import Layer, Model, Modes, Parameter, Ran, Role, UncalledModule, UncalledModules
from unstuck.record.facts.optimizer import (
    FirstCurvature,
    Optimizer,
    ParameterGroup,
    Schedule,
    UnoptimizedParameter,
    UnoptimizedParameters,
)
from unstuck.record.facts.policy import Bootstrap, TargetNetwork
from unstuck.record.facts.precision import LossScaling, NarrowConstant
from unstuck.record.facts.run import (
    WATCHING_ENDED,
    Cost,
    End,
    Environment,
    Event,
    Invocation,
    NonFinite,
    Passes,
    Recipe,
    Span,
    Training,
    Unread,
    Unwatched,
)

__all__ = [
    "KINDS",
    "OFFSETS",
    "WATCHING_ENDED",
    "Association",
    "BatchMixing",
    "Bootstrap",
    "Broadcast",
    "Connection",
    "Contraction",
    "Cost",
    "CriticalPoint",
    "CustomFunction",
    "Data",
    "Detachment",
    "End",
    "Environment",
    "EvaluatedAssociation",
    "EvaluatedLoss",
    "Event",
    "Fact",
    "FactT",
    "FirstCurvature",
    "FunctionalDropout",
    "GradientCall",
    "GradientChange",
    "Graph",
    "InitialLoss",
    "Inputs",
    "Invocation",
    "LateLoss",
    "Layer",
    "Loader",
    "Loss",
    "LossClasses",
    "LossOutput",
    "LossScaling",
    "LossTarget",
    "LossTerm",
    "LossTerms",
    "LostCheckpoint",
    "Model",
    "Modes",
    "NarrowConstant",
    "NonDifferentiableSample",
    "NonFinite",
    "Normalisation",
    "Optimizer",
    "OutputReach",
    "OutputSoftmax",
    "Overlap",
    "Parameter",
    "ParameterGroup",
    "Passes",
    "Predictions",
    "Ran",
    "Recipe",
    "Recurrence",
    "Reinterpretation",
    "Role",
    "Schedule",
    "Shift",
    "Softmax",
    "Span",
    "TargetNetwork",
    "TargetOffset",
    "TargetOutputs",
    "ThrownBatch",
    "ThrownTensor",
    "Training",
    "UncalledModule",
    "UncalledModules",
    "UnoptimizedParameter",
    "UnoptimizedParameters",
    "Unpaired",
    "Unread",
    "Unwatched",
    "Wiring",
]
