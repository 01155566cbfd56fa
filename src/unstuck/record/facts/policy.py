"""Facts of agents: values that bootstrap, made of a network's own outputs, and policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unstuck.record.facts.fact import Fact
from unstuck.record.facts.loss import OutputReach

__all__ = ["ActorLoss", "Bootstrap", "IgnoredEnds", "PolicyEntropy", "PolicyTerm", "TargetNetwork"]


@dataclass(frozen=True, kw_only=True)
class Bootstrap(Fact):
    r"""Targets that are data plus a discounted output of a network, :math:`y = r + \gamma v`, over the training.

    Attributes:
        transitions: Targets seen.
        ended: How many of them took nothing of the network, as at the end of an episode.
        discount: The greatest factor of an output.
        lowest: The least of the data that was added, a reward.
        highest: The greatest of it.
        flagged: Transitions that a variable beside them marks, of values 0 and 1 that are no integers.
        apart: By how many standard deviations of the others' rewards those of the marked ones differ; infinite where
            the others' do not scatter. None where none are marked, or too few.
        late: Greatest size of a target in the latest samples.
        plain: Whether rewards and network are all that a target is made of.
        gradient: Whether a gradient flows back through targets to weights of this training.
        greedy: For how many of them the value that learns is the greatest of those that the network gave its state.
        masked: Whether a factor of zero took away what follows.
        compared: Transitions of which both states are known: the one whose value learns, and the one that follows.
        unchanged: How many of these have the same state twice.
        file: The user's file that adds them up.
        line: The line of that.
    """

    kind = "bootstrap"
    missing = "no target was made of data and an output of a network"
    special = True
    transitions: int
    ended: int
    discount: float
    lowest: float
    highest: float
    flagged: int = 0
    apart: float | None = None
    late: float = 0.0
    plain: bool = True
    gradient: bool = False
    greedy: int = 0
    masked: bool = False
    compared: int = 0
    unchanged: int = 0
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class TargetNetwork(Fact):
    """A network of no optimizer, of the shapes of one that is trained, whose outputs targets are made of.

    Attributes:
        since: Updates before it was seen first.
        until: Updates before it was seen last.
        moved: Whether its weights have changed in between.
        began_equal: Whether they were at first those of the network that is trained.
        file: The user's file that makes targets of it.
        line: The line of that.
    """

    kind = "target_network"
    missing = "no targets are made of a network beside the one that is trained"
    special = True
    since: int
    until: int
    moved: bool
    began_equal: bool
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyTerm(Fact):
    r"""A term :math:`\sum_i \pm A_i \ln \pi(a_i)` of a loss: log-probabilities of actions, or their ratios, by weights.

    Attributes:
        step: Updates made.
        raised: Whether the update raises the probability of actions with positive weights.
        lowest: The least of the weights.
        highest: The greatest of them.
        names: Words of the line that multiplies them, and what the user calls the weights.
        costs: Whether a variable of the running functions is called a cost, and none a reward.
        gradient: Whether a gradient flows back through the weights to parameters of this training.
        choices: Actions that there are to choose from, whose scores a softmax makes probabilities of; None for others.
        reach: What the activation that made these scores can give; None where they have no bound.
        unseen: Whether the actions were drawn in this step, and nothing has seen them but their log-probabilities; None
            where that was not looked at, or none was drawn.
        ratio: What is wrong with a ratio of probabilities: both of them carry a gradient, or it is one of logarithms.
        growth: By what differences of neighbouring weights grow along an episode, or those of the targets of as many
            values that the same loss learns; None where there is no one factor.
        file: The user's file that multiplies them.
        line: The line of that.
    """

    kind = "policy_term"
    missing = "no log-probabilities of actions were weighted"
    special = True
    step: int
    raised: bool
    lowest: float
    highest: float
    names: tuple[str, ...] = ()
    costs: bool = False
    gradient: bool = False
    choices: int | None = None
    reach: OutputReach | None = None
    unseen: bool | None = None
    ratio: Literal["", "itself", "logarithms"] = ""
    growth: float | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyEntropy(Fact):
    r"""A term :math:`\mp \sum_a \pi(a) \ln \pi(a)` of a loss, or the entropy of normal distributions.

    Attributes:
        step: Updates made.
        entropy: Its mean over the examples, in nats.
        most: The entropy of equal probabilities; None where it has no bound.
        raised: Whether the update raises it.
        file: The user's file that multiplies probabilities by their logarithms.
        line: The line of that.
    """

    kind = "policy_entropy"
    missing = "no entropy of a distribution was part of the loss"
    special = True
    step: int
    entropy: float
    most: float | None
    raised: bool
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class ActorLoss(Fact):
    """A loss that moves the value which another training's network gives to what this one's chose.

    Attributes:
        step: Updates made.
        raised: Whether the update raises that value.
        costs: Whether what the values are learnt from is called a cost, and nothing a reward.
        reached: Whether the value depends on weights of this training.
        file: The user's file that asks for the value.
        line: The line of that.
    """

    kind = "actor_loss"
    missing = "no loss was the value that another network gives"
    special = True
    step: int
    raised: bool
    costs: bool = False
    reached: bool = True
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class IgnoredEnds(Fact):
    """Returns, or advantages, that take what follows at every transition, and flags of ends among these.

    Attributes:
        transitions: Transitions of which it shows whether what follows was added.
        ends: How many of these a variable marks as the last of an episode.
        name: What the user calls the sums.
        file: The user's file that learns from them.
        line: The line of that.
    """

    kind = "ignored_ends"
    missing = "no returns or advantages were seen that were summed up past the end of an episode"
    special = True
    transitions: int
    ends: int
    name: str
    file: str | None = None
    line: int | None = None
