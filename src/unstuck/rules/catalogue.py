"""The one table of rules: a code is found here by grep, its rule in the file that the import names.

The order is that in which causes act: data, model, initialisation, gradient, optimisation, loss, generalisation,
numerics, mechanics, speed; between findings of equal weight the earlier rule is ranked first.

A code is the letter of its family, a digit for the topic within it, and two digits that number the rules of a topic:

======  =========================================================================================
D       data: D1 inputs, D2 targets and labels, D3 order and split, D4 augmentation,
        D5 single batches
M       model: M1 activations, M2 capacity, M3 axes, examples that mix and positions that are read or not, M4 parts
I       initialisation: I1 scale and first loss, I2 symmetry
G       gradient: G1 its flow through depth (dead, vanishing, exploding), G2 its correctness, G3 points where it is zero
O       optimisation: O1 method and constants, O2 size of the step, O3 schedule, O4 length and batch
L       loss: L1 choice, L2 reduction and shapes, L3 sums of several and what they leave idle,
        L4 targets that a network makes itself, L5 which targets are scored, L6 outputs that are compared with each
        other, L7 policies, L8 games
R       generalisation: R1 the gap to validation, R2 regularisation, R3 mode of layers
N       numerics: N1 values that are not finite, N2 precision
T       mechanics of the loop: T1 order of its calls, T2 parameters, T3 evaluation
S       speed: S1 data, S2 device
======  =========================================================================================

A code is never given a second meaning, also after its rule is gone.
"""

from __future__ import annotations

from unstuck.rules.data.answer_unmasked import AnswerUnmasked
from unstuck.rules.data.answer_visible import AnswerVisible
from unstuck.rules.data.augmentation_harmful import AugmentationHarmful
from unstuck.rules.data.batch_repeated import BatchRepeated
from unstuck.rules.data.class_imbalance import ClassImbalance
from unstuck.rules.data.condition_unrelated import ConditionUnrelated
from unstuck.rules.data.data_constant import DataConstant
from unstuck.rules.data.data_corrupt import DataCorrupt
from unstuck.rules.data.evaluation_renamed import EvaluationRenamed
from unstuck.rules.data.examples_reordered import ExamplesReordered
from unstuck.rules.data.ids_beyond_embedding import IdsBeyondEmbedding
from unstuck.rules.data.inputs_not_scaled import InputsNotScaled
from unstuck.rules.data.labels_mismatched import LabelsMismatched
from unstuck.rules.data.labels_out_of_range import LabelsOutOfRange
from unstuck.rules.data.mask_asked import MaskAsked
from unstuck.rules.data.negatives_alike import NegativesAlike
from unstuck.rules.data.noise_mismatched import NoiseMismatched
from unstuck.rules.data.not_shuffled import NotShuffled
from unstuck.rules.data.scales_differ import ScalesDiffer
from unstuck.rules.data.split_leak import SplitLeak
from unstuck.rules.data.target_in_input import TargetInInput
from unstuck.rules.data.targets_change import TargetsChange
from unstuck.rules.data.targets_not_scaled import TargetsNotScaled
from unstuck.rules.data.targets_renamed import TargetsRenamed
from unstuck.rules.data.targets_shifted_twice import TargetsShiftedTwice
from unstuck.rules.data.values_not_finite import ValuesNotFinite
from unstuck.rules.data.windows_split import WindowsSplit
from unstuck.rules.generalisation.dropout_at_evaluation import DropoutAtEvaluation
from unstuck.rules.generalisation.mode_wrong import ModeWrong
from unstuck.rules.generalisation.overfitting import Overfitting
from unstuck.rules.generalisation.regularisation_too_strong import RegularisationTooStrong
from unstuck.rules.gradient.critical_point import CriticalPoint
from unstuck.rules.gradient.dead_units import DeadUnits
from unstuck.rules.gradient.gradient_altered import GradientAltered
from unstuck.rules.gradient.gradient_constant import GradientConstant
from unstuck.rules.gradient.gradient_flow import GradientFlow
from unstuck.rules.gradient.gradient_wrong import GradientWrong
from unstuck.rules.gradient.graph_detached import GraphDetached
from unstuck.rules.gradient.sign_flipped import SignFlipped
from unstuck.rules.initialisation.adapters_drawn import AdaptersDrawn
from unstuck.rules.initialisation.initial_loss_off import InitialLossOff
from unstuck.rules.initialisation.symmetric_start import SymmetricStart
from unstuck.rules.initialisation.weight_scale_off import WeightScaleOff
from unstuck.rules.loss.answer_cut import AnswerCut
from unstuck.rules.loss.contrast_empty import ContrastEmpty
from unstuck.rules.loss.copies_scored import CopiesScored
from unstuck.rules.loss.embeddings_collapsed import EmbeddingsCollapsed
from unstuck.rules.loss.end_unscored import EndUnscored
from unstuck.rules.loss.examples_summed import ExamplesSummed
from unstuck.rules.loss.experts_idle import ExpertsIdle
from unstuck.rules.loss.game_of_friends import GameOfFriends
from unstuck.rules.loss.game_unfair import GameUnfair
from unstuck.rules.loss.game_won import GameWon
from unstuck.rules.loss.held_at_start import HeldAtStart
from unstuck.rules.loss.latent_empty import LatentEmpty
from unstuck.rules.loss.loss_broadcast import LossBroadcast
from unstuck.rules.loss.loss_mask_wrong import LossMaskWrong
from unstuck.rules.loss.loss_reduction_wrong import LossReductionWrong
from unstuck.rules.loss.loss_reductions_differ import LossReductionsDiffer
from unstuck.rules.loss.loss_terms_unbalanced import LossTermsUnbalanced
from unstuck.rules.loss.loss_wrong import LossWrong
from unstuck.rules.mechanics.batches_left_out import BatchesLeftOut
from unstuck.rules.mechanics.gradients_not_cleared import GradientsNotCleared
from unstuck.rules.mechanics.never_stepped import NeverStepped
from unstuck.rules.mechanics.parameters_not_optimized import ParametersNotOptimized
from unstuck.rules.mechanics.weights_not_loaded import WeightsNotLoaded
from unstuck.rules.mechanics.weights_not_moved import WeightsNotMoved
from unstuck.rules.model.activation_missing import ActivationMissing
from unstuck.rules.model.activation_unsuited import ActivationUnsuited
from unstuck.rules.model.attention_mask_wrong import AttentionMaskWrong
from unstuck.rules.model.batch_mixing import BatchMixing
from unstuck.rules.model.capacity_too_small import CapacityTooSmall
from unstuck.rules.model.heads_attended import HeadsAttended
from unstuck.rules.model.module_unused import ModuleUnused
from unstuck.rules.model.order_not_seen import OrderNotSeen
from unstuck.rules.model.output_activation_wrong import OutputActivationWrong
from unstuck.rules.model.padding_read import PaddingRead
from unstuck.rules.model.positions_by_example import PositionsByExample
from unstuck.rules.model.positions_unread import PositionsUnread
from unstuck.rules.model.wrong_axis import WrongAxis
from unstuck.rules.numerics.inputs_cut import InputsCut
from unstuck.rules.numerics.inputs_rounded import InputsRounded
from unstuck.rules.numerics.loss_not_finite import LossNotFinite
from unstuck.rules.numerics.precision_unsuited import PrecisionUnsuited
from unstuck.rules.optimisation.batch_size_unsuited import BatchSizeUnsuited
from unstuck.rules.optimisation.ill_conditioned import IllConditioned
from unstuck.rules.optimisation.learning_rate_too_high import LearningRateTooHigh
from unstuck.rules.optimisation.learning_rate_too_low import LearningRateTooLow
from unstuck.rules.optimisation.optimizer_unsuited import OptimizerUnsuited
from unstuck.rules.optimisation.schedule_wrong import ScheduleWrong
from unstuck.rules.optimisation.too_few_steps import TooFewSteps
from unstuck.rules.policy.actions_drawn_anew import ActionsDrawnAnew
from unstuck.rules.policy.actor_lowered import ActorLowered
from unstuck.rules.policy.advantage_trained import AdvantageTrained
from unstuck.rules.policy.bootstrap_wrong import BootstrapWrong
from unstuck.rules.policy.certain_at_once import CertainAtOnce
from unstuck.rules.policy.ends_ignored import EndsIgnored
from unstuck.rules.policy.entropy_drowns import EntropyDrowns
from unstuck.rules.policy.entropy_lowered import EntropyLowered
from unstuck.rules.policy.policy_cramped import PolicyCramped
from unstuck.rules.policy.policy_lowered import PolicyLowered
from unstuck.rules.policy.ratio_wrong import RatioWrong
from unstuck.rules.policy.returns_reversed import ReturnsReversed
from unstuck.rules.policy.states_unchanged import StatesUnchanged
from unstuck.rules.policy.target_network_still import TargetNetworkStill
from unstuck.rules.rule import Rule

__all__ = ["BY_CODE", "RULES"]

RULES: tuple[Rule, ...] = (
    InputsNotScaled(),  # D101
    ValuesNotFinite(),  # D102
    DataConstant(),  # D103
    ScalesDiffer(),  # D104
    IdsBeyondEmbedding(),  # D105
    LabelsOutOfRange(),  # D201
    TargetsNotScaled(),  # D202
    LabelsMismatched(),  # D203
    ClassImbalance(),  # D204
    TargetsShiftedTwice(),  # D205
    AnswerVisible(),  # D206
    TargetInInput(),  # D207
    ExamplesReordered(),  # D208
    NoiseMismatched(),  # D209
    TargetsChange(),  # D210
    MaskAsked(),  # D211
    TargetsRenamed(),  # D212
    ConditionUnrelated(),  # D213
    EvaluationRenamed(),  # D214
    AnswerUnmasked(),  # D215
    NotShuffled(),  # D301
    BatchRepeated(),  # D302
    SplitLeak(),  # D303
    WindowsSplit(),  # D304
    NegativesAlike(),  # D305
    AugmentationHarmful(),  # D401
    DataCorrupt(),  # D501
    OutputActivationWrong(),  # M101
    ActivationMissing(),  # M102
    ActivationUnsuited(),  # M103
    CapacityTooSmall(),  # M201
    BatchMixing(),  # M301
    WrongAxis(),  # M302
    AttentionMaskWrong(),  # M303
    PaddingRead(),  # M304
    OrderNotSeen(),  # M305
    HeadsAttended(),  # M306
    PositionsUnread(),  # M307
    PositionsByExample(),  # M308
    ModuleUnused(),  # M401
    InitialLossOff(),  # I101
    WeightScaleOff(),  # I102
    AdaptersDrawn(),  # I103
    SymmetricStart(),  # I201
    DeadUnits(),  # G101
    GradientFlow(),  # G102
    GradientWrong(),  # G201
    SignFlipped(),  # G202
    GraphDetached(),  # G203
    GradientAltered(),  # G204
    GradientConstant(),  # G205
    CriticalPoint(),  # G301
    OptimizerUnsuited(),  # O101
    LearningRateTooHigh(),  # O201
    LearningRateTooLow(),  # O202
    IllConditioned(),  # O203
    ScheduleWrong(),  # O301
    TooFewSteps(),  # O401
    BatchSizeUnsuited(),  # O402
    LossWrong(),  # L101
    LossReductionWrong(),  # L201
    LossBroadcast(),  # L202
    LossTermsUnbalanced(),  # L301
    LossReductionsDiffer(),  # L302
    LatentEmpty(),  # L303
    ExpertsIdle(),  # L304
    HeldAtStart(),  # L305
    ExamplesSummed(),  # L306
    BootstrapWrong(),  # L401
    TargetNetworkStill(),  # L402
    EndsIgnored(),  # L403
    LossMaskWrong(),  # L501
    AnswerCut(),  # L502
    EndUnscored(),  # L503
    CopiesScored(),  # L504
    EmbeddingsCollapsed(),  # L601
    ContrastEmpty(),  # L602
    PolicyLowered(),  # L701
    AdvantageTrained(),  # L702
    EntropyLowered(),  # L703
    EntropyDrowns(),  # L704
    PolicyCramped(),  # L705
    CertainAtOnce(),  # L706
    ActorLowered(),  # L707
    ActionsDrawnAnew(),  # L708
    RatioWrong(),  # L709
    ReturnsReversed(),  # L710
    StatesUnchanged(),  # L711
    GameWon(),  # L801
    GameOfFriends(),  # L802
    GameUnfair(),  # L803
    Overfitting(),  # R101
    RegularisationTooStrong(),  # R201
    ModeWrong(),  # R301
    DropoutAtEvaluation(),  # R302
    LossNotFinite(),  # N101
    PrecisionUnsuited(),  # N201
    InputsRounded(),  # N202
    InputsCut(),  # N203
    GradientsNotCleared(),  # T101
    ParametersNotOptimized(),  # T201
    WeightsNotMoved(),  # T202
    NeverStepped(),  # T203
    BatchesLeftOut(),  # T204
    WeightsNotLoaded(),  # T205
)
"""Every rule, with its default thresholds."""

BY_CODE = {rule.code: rule for rule in RULES}
"""Every rule by its code."""
