"""Numbers, evidence and findings in words, for every format of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from unstuck.record import Evidence, Finding, Run, Verdict, Where
from unstuck.record.facts import End, Event, Model
from unstuck.record.signals import BY_KEY
from unstuck.report.wording import Words
from unstuck.rules import BY_CODE
from unstuck.rules.unseen import WATCHING_ENDED, seen_whole

__all__ = [
    "WATCHING_ENDED",
    "Unevaluated",
    "confidence",
    "confirmation",
    "cost",
    "evidence",
    "headline",
    "number",
    "rule_name",
    "share",
    "unevaluated",
    "watching_ended",
]

CONFIDENCES = (95, 80, 60, 40, 0)
"""Percentages from which on the words of ``confidence.<percentage>`` hold."""


def number(value: float) -> str:
    """A number in three significant digits, as people write it by hand.

    Examples:
        >>> [number(v) for v in (0.0, 2.302585, 0.05, 0.001, 12345.0, 8.1e7, float("nan"), float("-inf"))]
        ['0', '2.3', '0.05', '1e-3', '12,345', '8.1e7', 'NaN', '-infinity']
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    shown = float(f"{value:.3g}")  # rates come as float32, whose 0.01 lies below 0.01
    size = abs(shown)
    if shown == 0:
        return "0"
    if 1000 <= size < 1e6:
        return f"{value:,.0f}"
    if 0.01 <= size < 1000:
        return f"{shown:g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def share(value: float) -> str:
    """A share as a percentage.

    Examples:
        >>> share(0.9825)
        '98.2%'
    """
    return f"{100 * value:.1f}%" if math.isfinite(value) else number(value)


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
    """The experiment that confirmed a finding; empty where none was made."""
    tried = finding.confirmed
    if tried is None:
        return ""
    before, after = number(tried.before), number(tried.after)
    return words.say("finding.confirmation", remedy=tried.remedy, metric=tried.metric, before=before, after=after)


def watching_ended(run: Run) -> str:
    """Why watching ended before the training did, in a sentence; empty where it did not."""
    events = (event for stream in run.snapshot().streams() for event in stream.facts(Event))
    return next((event.what for event in events if event.blinds and event.what.startswith(WATCHING_ENDED)), "")


def headline(verdict: Verdict, run: Run, words: Words) -> str:
    """The verdict in one sentence, after one that says why watching ended early, where it did.

    Nothing is called healthy of which a part was not seen; what that is stands in the verdict's gaps.
    """
    if verdict.kind == "not enough data":
        return words.say("verdict.not-enough", reason=verdict.reason.rstrip("."))
    found = words.count("verdict.error", sum(finding.severity != "note" for finding in verdict.findings))
    if verdict.kind == "healthy":
        streams = run.snapshot().streams()
        ends = {end.reason for stream in streams for end in stream.facts(End)[-1:]}
        whole = not verdict.reason and seen_whole(streams)
        seen = {"crashed": not verdict.reason, "interrupted": whole}
        early = next((reason for reason, said in seen.items() if reason in ends and said), "")
        found = words.say("verdict.healthy" if whole and not early else f"verdict.healthy.{early or 'blind'}")
    return words.say("verdict.early", reason=verdict.reason.rstrip("."), found=found) if verdict.reason else found


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
