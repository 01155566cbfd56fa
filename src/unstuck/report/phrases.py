"""Numbers, evidence and findings in words, for every format of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Verdict, Where
from unstuck.record.facts import Model
from unstuck.record.numbers import number, share
from unstuck.record.signals import BY_KEY
from unstuck.report.wording import Words
from unstuck.rules import BY_CODE
from unstuck.rules.headline import learning_shown

__all__ = [
    "Unevaluated",
    "confidence",
    "confirmation",
    "cost",
    "counts",
    "evidence",
    "gaps",
    "learning",
    "rule_name",
    "thrown",
    "unevaluated",
]

CONFIDENCES = (95, 80, 60, 40, 0)
"""Percentages from which on the words of ``confidence.<percentage>`` hold."""


OF_THROWS = frozenset({"D501", "M501", "N101", "O201", "O301"})
"""Codes of findings that speak of a loss that is thrown."""

SHORT_SECONDS, SMALL_SHARE = 60.0, 0.05
"""In a training as short as that a share above this says little: its first steps are looked at whatever they cost."""


def place(where: Where, run: Run) -> str:
    """Where a finding is; a layer that has but a number for a name is given its type.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from unstuck.record import RunWriter
        >>> from unstuck.record.facts import Layer
        >>> folder = Path(tempfile.mkdtemp()) / "run"
        >>> with RunWriter(folder) as writer:
        ...     writer.state(Model(type="Sequential", layers=(Layer(path="2", type="Linear"),)))
        >>> with Run.open(folder) as run:
        ...     place(Where(module="2", file="train.py", line=8), run)
        '2 (Linear), train.py:8'
    """
    name = where.module or where.parameter or ""
    path = where.module or name.rpartition(".")[0]
    types = {layer.path: layer.type for model in run.facts(Model) for layer in model.layers}
    if path not in types or not path.rpartition(".")[2].isdigit():
        return str(where)
    return str(where).replace(name, f"{name} ({types[path]})", 1)


def evidence(item: Evidence, words: Words) -> str:
    """One measurement in words: what, how much, against which bound, when.

    Examples:
        >>> from unstuck.report.wording import ENGLISH
        >>> item = Evidence(signal="update_ratio", value=0.31, threshold=0.01, steps=(0, 49))
        >>> evidence(item, ENGLISH)
        'update ratio 0.31, above 0.01, steps 0–49'
        >>> item = Evidence(signal="model", value=2.0, threshold=4.0, note="units of the narrowest hidden layer")
        >>> evidence(item, ENGLISH)
        'units of the narrowest hidden layer: 2, below 4'
    """
    parts = [_measured(item, words)]
    if item.steps is not None:
        first, last = item.steps
        key = "evidence.step" if first == last else "evidence.steps"
        parts.append(words.say(key, first=f"{first:,}", last=f"{last:,}"))
    return ", ".join(parts) + (f" ({item.note})" if item.note and item.signal in BY_KEY else "")


def _measured(item: Evidence, words: Words) -> str:
    # Of a fact only the note says which of its numbers is meant.
    name = f"{item.note}:" if item.note and item.signal not in BY_KEY else item.signal.replace("_", " ")
    values = {"signal": name, "value": number(item.value)}
    if item.threshold is None:
        return words.say("evidence.plain", **values)
    kind = "bound"
    if math.isfinite(item.value) and math.isfinite(item.threshold):
        kind = "above" if item.value > item.threshold else "below" if item.value < item.threshold else "at"
    return words.say(f"evidence.{kind}", threshold=number(item.threshold), **values)


def confidence(value: float, words: Words) -> str:
    """A probability in words and as a number: ``very likely (85%)``."""
    percentage = round(100 * value)
    bound = next(bound for bound in CONFIDENCES if percentage >= bound)
    return f"{words.say(f'confidence.{bound}')} ({percentage}%)"


def confirmation(finding: Finding, words: Words) -> str:
    """The experiment that confirmed or refuted a finding, or did neither; empty where none was made."""
    tried = finding.confirmed or finding.refuted
    if tried is None:
        return finding.undecided
    return str(tried) if finding.confirmed else words.say("finding.refutation", tried=tried)


def thrown(finding: Finding, verdict: Verdict) -> str:
    """What left its range before the loss was thrown, at the first of the findings that speak of that; else empty."""
    concerned = [one for one in verdict.findings if OF_THROWS & {one.code, *(below.code for below in one.symptoms)}]
    training = finding.where.training
    throws = [throw for throw in verdict.throws if training in (None, throw.training)]
    if not throws or not concerned or concerned[0] is not finding:
        return ""
    told = next((throw for throw in throws if throw.departures), throws[0])
    sentence = f"{told.thrown}: {told.why}"
    more = f" ({len(throws) - 1} more on the page)" if len(throws) > 1 else ""
    return f"{sentence[0].upper()}{sentence[1:]}{more}"


def learning(verdict: Verdict) -> str:
    """What is shown of the trainings in which something was found: the headline then speaks of that alone."""
    if verdict.kind != "findings":
        return ""
    return learning_shown(verdict.learning)


def gaps(verdict: Verdict) -> tuple[str, ...]:
    """What the verdict does not rest on, but for what the headline says already."""
    return tuple(gap for gap in verdict.gaps if gap not in verdict.headline)


def counts(verdict: Verdict, words: Words, *, named: bool) -> str:
    """How many checks found nothing, and how many could not be made."""
    if not verdict.clear and not verdict.not_evaluated:
        return words.say("checked.nothing")
    more = words.say("checked.named" if named else "checked.unnamed")
    return words.say("checked.counts", clear=len(verdict.clear), unknown=len(verdict.not_evaluated), more=more)


def rule_name(code: str) -> str:
    """The defect that a rule looks for; the code itself where this release has no such rule."""
    rule = BY_CODE.get(code)
    return rule.name if rule else code


@dataclass(frozen=True)
class Unevaluated:
    """Rules that could not be evaluated, for one reason."""

    reason: str
    codes: tuple[str, ...]


def unevaluated(reasons: Mapping[str, str]) -> tuple[Unevaluated, ...]:
    """Group rules by the reason why they could not be evaluated, the commonest reason first."""
    groups: dict[str, list[str]] = {}
    for code, reason in reasons.items():
        groups.setdefault(reason, []).append(code)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple(Unevaluated(reason, tuple(codes)) for reason, codes in ordered)


def cost(verdict: Verdict, words: Words) -> str:
    """What observing cost, in one sentence."""
    known = verdict.cost
    if not known.get("sampled_steps"):
        return words.say("cost.unknown")
    seconds, part = known.get("seconds", math.nan), known.get("share", math.nan)
    training = seconds / part if part else math.nan
    return words.say(
        "cost.short" if training < SHORT_SECONDS and part > SMALL_SHARE else "cost.known",
        seconds=number(seconds),
        training=number(training),
        share=share(part),
        sampled=f"{known['sampled_steps']:,.0f}",
        steps=f"{known.get('steps', 0):,.0f}",
    )
