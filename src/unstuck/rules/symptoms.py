"""Which findings are symptoms of which: one table from a cause to what it does to a training.

Two findings of one training may be one fault: inputs of a thousand times the usual size make the first loss too large,
kill rectifiers and let a usual learning rate diverge. A finding goes under what explains it. The table has no circle,
so that every finding has a root. Where the size of a cause is known, :data:`LARGE_ENOUGH` asks whether it is large
enough for its symptom: a rate that no scaling of the inputs would make bearable is a cause of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from unstuck.record import Run
from unstuck.record.facts import ActorLoss, MisplacedOptimizer
from unstuck.rules.flow import Flow
from unstuck.rules.stable_rate import too_high_for
from unstuck.rules.zero_gradients import ZeroGradients

__all__ = ["EXPLAINED", "LARGE_ENOUGH", "explains", "symptoms_of"]

NOWHERE = ("O202", "O401", "R101")
"""What a training shows that gets nowhere: a rate too low, too few steps, a gap to validation."""

THROWN = ("O201", "N101", "G101")
"""What a training shows whose steps are too large: the loss climbs or overflows, units die."""

ANY = ("I101", *THROWN, *NOWHERE)
"""What a training shows whose model or loss cannot do the task, whatever its rate and length."""

STILL = ("I102", "G102", "M103", "M201")
"""What layers show that are not trained as they should be: scales, vanishing gradients, saturation, few units."""

EXPLAINED: Mapping[str, tuple[str, ...]] = {
    # data
    "D101": ("I101", *THROWN, "O202", "O203", "O401", "G301", "L401"),
    "D102": (*ANY, "I102", "G102", "D101", "D202"),
    "D103": ("D101", "I101", "I102", "G101", "G102", "M103", "M201", "O201", *NOWHERE),
    "D104": ("R101", "D401", "D203", "R302"),
    "D105": (*ANY, *STILL),
    "D201": (*ANY, "I102", "G102", "D202", "D204", "L101", "L201"),
    "D202": (*ANY, "I102", "G102", "M201", "L201"),
    "D203": (*NOWHERE, "O201", "O203", "O402", "M103", "M201", "R201", "D204", "G101"),
    "D204": (*NOWHERE, "M201"),
    "D205": (*NOWHERE, "O201", "O402", "D203", "M201", "R201"),
    "D206": (*NOWHERE, "D203", "G301", "M201", "R201"),
    "D207": (*NOWHERE, "O201", "O203", "D104", "D202", "D213", "M102", "M201", "M401", "R201", "I101"),
    "D208": (*NOWHERE, "O201", "O402", "D203", "M201", "M301", "R201"),
    "D209": (*NOWHERE, "O201", "O203", "D203", "D213", "M201", "M401", "R201"),
    "D210": (*NOWHERE, "O201", "O402", "D203", "M201", "M301", "R201"),
    "D211": (*NOWHERE, "D103", "D204", "M201"),
    "D212": (*NOWHERE, "D203", "M201"),
    "D213": (*NOWHERE, "M201", "R201"),
    "D214": ("R101", "D203", "D401", "R201", "M201", "R301"),
    "D215": (*NOWHERE, "D203", "G301", "M201", "R201"),
    "D301": (*NOWHERE, "O201", "D204", "D401", "G101", "M201"),
    "D302": (*NOWHERE, "D301", "D204"),
    "D305": (*NOWHERE, "D301", "L601", "M201"),
    "D401": ("O401", "O203", "M201", "R201", "G101"),
    "D501": ("O201", "N101", "O301", "O402", "D101", "D202", "R101"),
    # model
    "M101": (*ANY, "G301"),
    "M102": (*ANY, "M201"),
    "M103": (*ANY, "G102", "R201", "G301"),
    "M201": ("O202", "O401"),
    "M301": (*ANY, "M103", "M201", "G102", "M307"),
    "M302": (*ANY, "M101", "M201", "M301", "G301", "M307"),
    "M303": (*ANY, "D203", "G102", "G301", "M304", "R201", "M307"),
    "M304": (*ANY, "D203", "G102", "R201"),
    "M305": (*NOWHERE, "M201", "R201"),
    "M306": (*ANY, "M201", "M301", "M302", "M303", "M305", "R201", "M307"),
    "M307": (*NOWHERE, "D203", "M201", "R201"),
    "M308": (*NOWHERE, "M201", "M301", "M305", "D203"),
    "M401": ("R301",),  # a batch norm that never runs never moves its statistics
    # initialisation
    "I101": ("O201", "N101", "G301"),
    "I102": (*ANY, "M103", "G102", "G301"),
    "I103": (*ANY, "M103"),
    "I201": (*ANY, *STILL, "G301"),
    # gradient
    "G101": ("O202", "O401", "G301"),
    "G102": ("O202", "O401", "G101"),
    "G201": (*ANY, *STILL),
    "G202": (*ANY, *STILL, "L101"),
    "G203": (*ANY, *STILL, "M102", "M401", "T201", "T202", "G301", "L707"),
    "G204": (*ANY, *STILL, "N201", "O101", "O203", "O301", "T202", "T204"),
    "G205": (*ANY, "G102", "L301", "L801", "L802", "M201", "R201"),
    "G301": (*NOWHERE, "M201", "O203"),
    # optimisation
    "O101": ("O201", "O202", "O401", "M201", "G101"),
    "O201": ("N101", "G101", "G102", "G301", *NOWHERE),
    "O202": ("O401",),
    "O203": ("O202", "O401"),
    "O301": ("I101", "O201", *NOWHERE, "G101", "M201"),
    "O402": ("O201", "O202", "O401"),
    # loss
    "L101": (*ANY, "M101", "M201", "T202", "G301"),
    "L201": ("I101", *THROWN, "O202", "O401", "G102", "R201"),
    "L202": (*ANY, "M101", "M201", "M302"),
    "L301": ("D202", "I101", "L201", "M201", "O202", "O401", "R201", "T204"),
    "L302": ("D202", "I101", "L201", "L301", "M201", "O202", "O401", "R201", "T204"),
    "L303": (*ANY, "D202", "L201", "L301", "L302", "M201", "R201", "T204"),
    "L304": ("O202", "O401"),
    "L305": (*NOWHERE, "I101", "L301", "M201", "R201"),
    "L306": ("D202", "I101", "L201", "L301", "M201", "O201", "O202", "O401", "R201"),
    "L401": (*ANY, "D202", "L301", "M201", "R201"),
    "L402": (*ANY, "D202", "M201", "R201"),
    "L403": (*ANY, "L705", "M201", "R201"),
    "L501": (*ANY, "D203", "D204", "M201", "R201"),
    "L502": NOWHERE,
    "L503": NOWHERE,
    "L504": NOWHERE,
    "L601": (*ANY, "M201", "G102", "R201"),
    "L602": (*ANY, "M201", "D203", "L601"),
    "L701": (*ANY, "G202", "M201", "R201"),
    "L702": (*ANY, "M201", "R201"),
    "L703": (*ANY, "M201", "R201"),
    "L704": (*ANY, "L302", "M201", "R201"),
    "L705": (*ANY, "L704", "M201", "R201"),
    "L707": (*ANY, "G202", "M201", "R201", "T202"),
    "L708": (*ANY, "M201", "R201"),
    "L709": (*ANY, "L701", "M201", "R201"),
    "L710": (*ANY, "M201", "R201"),
    "L711": (*ANY, "D202", "M201", "R201"),
    "L802": (*ANY, "G102", "G204", "M201", "L801", "L803"),
    "L801": (*ANY, "G102", "M201"),
    "L803": (*ANY, "G102", "M201", "L801", "D101"),
    # generalisation
    "R201": ("O201", "O202", "O401", "M201", "G101", "G102", "I101"),
    "R301": ("R101", "R302", "D101", "D203", "G101", "I101", "O201", "O202"),
    "R302": ("R101",),
    # numerics
    "N101": ("G101", *NOWHERE),
    "N201": (*ANY, *STILL, "L101", "O101", "T202", "T203"),
    "N202": (*NOWHERE, "D203", "M201"),
    "N203": (*NOWHERE, "D102", "D101", "D203", "M201"),
    # mechanics
    "T101": (*ANY, *STILL, "L201"),
    "T201": (*ANY, *STILL, "G204", "L801", "L802", "T101", "L707"),
    "T202": (*ANY, *STILL, "D203", "M102", "G301"),
    "T203": (*ANY, "T101"),
    "T204": (*ANY, "I102", "M103", "D302", "O402"),
    "T205": (*NOWHERE, "T201", "M201", "R201"),
}
"""Codes of the findings that are symptoms of a finding, by its code."""


def _fits_scaled_inputs(run: Run) -> bool:
    """Whether the rate would be bearable if only the inputs had size one."""
    return too_high_for(run) != "any inputs"


def _fell_later(run: Run) -> bool:
    """Whether the gradient became zero, and was not from the start."""
    zeros = ZeroGradients.of(run)
    return zeros is not None and zeros.since is not None and not zeros.whole


def _flowed_at_first(run: Run) -> bool:
    """Whether the first gradient was nearer, by half its orders of magnitude, to being the same at all depths."""
    first, early = Flow.of(run, steps=1), Flow.of(run)
    if first is None or early is None or not 0 < first.fading < math.inf or not 0 < early.fading < math.inf:
        return False
    return abs(math.log(first.fading)) < abs(math.log(early.fading)) / 2


def _acts_unseen(run: Run) -> bool:
    """Whether no value of a critic depended on the actor."""
    return not any(loss.reached for loss in run.facts(ActorLoss))


def _misplaced(run: Run) -> bool:
    """Whether the optimizer holds the parameters of another one, and not those that its loss leads to."""
    return run.fact(MisplacedOptimizer) is not None


LARGE_ENOUGH: Mapping[tuple[str, str], Callable[[Run], bool]] = {
    ("D101", "O201"): _fits_scaled_inputs,
    ("D101", "N101"): _fits_scaled_inputs,
    ("D101", "G301"): _fits_scaled_inputs,
    ("L707", "T202"): _acts_unseen,
    ("O201", "G301"): _fell_later,
    ("O201", "G102"): _flowed_at_first,
    ("T201", "G204"): _misplaced,
    ("T201", "L801"): _misplaced,
    ("T201", "L802"): _misplaced,
}
"""Whether a cause is large enough for a symptom, by the codes of both; what is not named here is not asked."""


def symptoms_of(code: str) -> tuple[str, ...]:
    """Codes of the findings that may be symptoms of one, in the order of the alphabet.

    Examples:
        >>> symptoms_of("O203"), symptoms_of("R101")
        (('O202', 'O401'), ())
    """
    return tuple(sorted(EXPLAINED.get(code, ())))


def explains(run: Run, cause: str, symptom: str) -> bool:
    """Whether a finding explains another one of the same training.

    Args:
        run: The training.
        cause: Code of the finding that may be the cause.
        symptom: Code of the other.
    """
    if symptom not in EXPLAINED.get(cause, ()):
        return False
    enough = LARGE_ENOUGH.get((cause, symptom))
    return enough is None or enough(run)
