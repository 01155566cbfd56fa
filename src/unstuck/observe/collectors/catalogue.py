"""The one table of collectors: each is a question that is asked of a training, in the file that the import names."""

from __future__ import annotations

from collections.abc import Callable

from unstuck.observe.collectors.activations import Activations
from unstuck.observe.collectors.adapters import Adapters
from unstuck.observe.collectors.added_noise import AddedNoises
from unstuck.observe.collectors.added_tables import AddedTables
from unstuck.observe.collectors.association import TrainedAssociation
from unstuck.observe.collectors.attention import Attention
from unstuck.observe.collectors.attention_calls import AttentionCalls
from unstuck.observe.collectors.axis_calls import AxisCalls
from unstuck.observe.collectors.batch_dependence import BatchDependence
from unstuck.observe.collectors.batch_statistics import BatchStatistics
from unstuck.observe.collectors.bootstraps import Bootstraps
from unstuck.observe.collectors.constant_gradients import ConstantGradients
from unstuck.observe.collectors.critical_points import CriticalPoints
from unstuck.observe.collectors.detachments import Detachments
from unstuck.observe.collectors.embedded_ids import EmbeddedIds
from unstuck.observe.collectors.example_order import ExampleOrder
from unstuck.observe.collectors.expert_loads import ExpertLoads
from unstuck.observe.collectors.first_curvature import FirstCurvature
from unstuck.observe.collectors.gradient_changes import GradientChanges
from unstuck.observe.collectors.graphs import Graphs
from unstuck.observe.collectors.handwritten_losses import HandwrittenLosses
from unstuck.observe.collectors.infinite_slopes import InfiniteSlopes
from unstuck.observe.collectors.inputs import Inputs
from unstuck.observe.collectors.latents import Latents
from unstuck.observe.collectors.loaders import Loaders
from unstuck.observe.collectors.log_partition import LogPartition
from unstuck.observe.collectors.loss_positions import LossPositions
from unstuck.observe.collectors.loss_scaling import LossScaling
from unstuck.observe.collectors.loss_terms import LossTerms
from unstuck.observe.collectors.losses import Losses
from unstuck.observe.collectors.lost_branches import LostBranches
from unstuck.observe.collectors.lost_checkpoints import LostCheckpoints
from unstuck.observe.collectors.modes import ModesOfModules
from unstuck.observe.collectors.narrow_constants import NarrowConstants
from unstuck.observe.collectors.opponents import Opponents
from unstuck.observe.collectors.parameters import Parameters
from unstuck.observe.collectors.policy_terms import PolicyTerms
from unstuck.observe.collectors.rounded_averages import RoundedAverages
from unstuck.observe.collectors.rounded_inputs import RoundedInputs
from unstuck.observe.collectors.sampled_values import SampledValues
from unstuck.observe.collectors.schedules import Schedules
from unstuck.observe.collectors.sequence_reach import SequenceReaches
from unstuck.observe.collectors.similarities import Similarities
from unstuck.observe.collectors.spread_tensors import SpreadTensors
from unstuck.observe.collectors.summed_examples import SummedExamples
from unstuck.observe.collectors.target_codes import TargetCodes
from unstuck.observe.collectors.target_offsets import TargetOffsets
from unstuck.observe.collectors.targets_again import TargetsAgain
from unstuck.observe.collectors.thrown_batches import ThrownBatches
from unstuck.observe.collectors.uncalled_modules import Uncalled
from unstuck.observe.collectors.unit_copies import UnitCopies
from unstuck.observe.collectors.unoptimized_parameters import UnoptimizedParameters
from unstuck.observe.collectors.view import Collector, View
from unstuck.observe.collectors.visible_targets import VisibleTargets
from unstuck.observe.collectors.weights_left_out import WeightsLeftOut

__all__ = ["COLLECTORS"]

COLLECTORS: tuple[Callable[[View], Collector], ...] = (
    Inputs,
    SpreadTensors,
    SampledValues,
    Detachments,
    InfiniteSlopes,
    Losses,
    HandwrittenLosses,
    TrainedAssociation,
    TargetOffsets,
    VisibleTargets,
    Similarities,
    PolicyTerms,
    Latents,
    AddedNoises,
    Bootstraps,
    ExampleOrder,
    EmbeddedIds,
    AddedTables,
    AttentionCalls,
    SequenceReaches,
    LossPositions,
    TargetCodes,
    TargetsAgain,
    AxisCalls,
    Activations,
    Attention,
    ExpertLoads,
    LogPartition,
    LossTerms,
    SummedExamples,
    ConstantGradients,
    GradientChanges,
    Parameters,
    UnitCopies,
    Adapters,
    Graphs,
    LostBranches,
    Opponents,
    LostCheckpoints,
    LossScaling,
    NarrowConstants,
    RoundedAverages,
    RoundedInputs,
    ThrownBatches,
    UnoptimizedParameters,
    BatchDependence,
    BatchStatistics,
    CriticalPoints,
    Uncalled,
    FirstCurvature,
    ModesOfModules,
    Schedules,
    Loaders,
    WeightsLeftOut,
)
"""A new question is a new file and a line here; the earlier in the list, the earlier it is asked."""
