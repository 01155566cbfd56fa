"""A rule's documentation, taken from its docstring: ``unstuck explain`` and the documentation pages are made of it."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unstuck.errors import ArgumentError
from unstuck.record import CAUSES
from unstuck.rules.catalogue import RULES
from unstuck.rules.rule import Rule
from unstuck.rules.symptoms import symptoms_of

__all__ = ["HEADINGS", "Page", "Threshold", "explain", "page"]

HEADINGS = ("Detects", "Why it matters", "Evidence", "Known false positives", "Try", "References")
"""The headings of a rule's docstring, in their order."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A threshold of a rule.

    Attributes:
        name: Its field.
        value: Its default.
        source: Where the default comes from, in the words of the comment beside it.
    """

    name: str
    value: object
    source: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """The documentation of a rule.

    Attributes:
        code: Its code, ``"O201"``.
        name: The defect, ``"learning rate too high"``.
        cause: The root cause that it names unless the evidence says otherwise.
        meaning: That cause in words.
        summary: What happens, in a sentence.
        sections: The text under each heading of :data:`HEADINGS`, paragraphs divided by an empty line.
        needs: Signals and facts without which it is not evaluated.
        gates: Why it does not judge a run, one clause for each of its gates.
        explains: Codes of the rules whose findings are symptoms of this one.
        thresholds: Its thresholds.
    """

    code: str
    name: str
    cause: str
    meaning: str
    summary: str
    sections: Mapping[str, str]
    needs: tuple[str, ...]
    gates: tuple[str, ...]
    explains: tuple[str, ...]
    thresholds: tuple[Threshold, ...]


def explain(topic: str, *, rules: Sequence[Rule] = RULES) -> tuple[Page, ...]:
    """The pages on a code, or on all rules that name a cause.

    Args:
        topic: A code in either case (``O201``), or a cause (``lr-too-high``).
        rules: The rules to look in.

    Raises:
        ArgumentError: No rule has that code and no cause that name; the message gives the nearest ones.

    Examples:
        >>> explain("o201")[0].name
        'learning rate too high'
        >>> [page.code for page in explain("too-few-steps")]
        ['O401', 'T204']
    """
    wanted = topic.strip()
    found = [rule for rule in rules if wanted.upper() == rule.code or wanted.lower() == rule.cause]
    if not found:
        found = [rule for rule in rules if wanted.lower() in _other_causes(rule)]
    if found:
        return tuple(page(rule) for rule in found)
    if wanted.lower() in CAUSES:
        cause = CAUSES[wanted.lower()]
        raise ArgumentError(f"{cause.slug} ({cause.meaning}): no rule of this release looks for this cause")
    names = [*(rule.code for rule in rules), *CAUSES]
    near = difflib.get_close_matches(wanted.upper(), names, n=3) + difflib.get_close_matches(wanted.lower(), names, n=3)
    hint = f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else "give one of them."
    codes = ", ".join(rule.code for rule in rules)
    raise ArgumentError(f"topic={topic!r} is neither a code nor a cause: {hint} Codes: {codes}")


def page(rule: Rule) -> Page:
    """The documentation of one rule.

    Raises:
        ArgumentError: Its docstring lacks a heading, or has one without text.
    """
    kind = type(rule)
    summary, sections = _sections(kind)
    return Page(
        code=rule.code,
        name=rule.name,
        cause=rule.cause,
        meaning=CAUSES[rule.cause].meaning,
        summary=summary,
        sections=sections,
        needs=tuple(need.kind if isinstance(need, type) else need.key for need in rule.needs),
        gates=tuple(gate.reason for gate in rule.applies_to),
        explains=symptoms_of(rule.code),
        thresholds=_thresholds(rule),
    )


def _sections(kind: type[Rule]) -> tuple[str, dict[str, str]]:
    lines = inspect.cleandoc(kind.__doc__ or "").splitlines()
    summary: list[str] = []
    found: dict[str, list[str]] = {}
    into = summary
    for line in lines:
        heading = line.removesuffix(":")
        if line.endswith(":") and heading in HEADINGS:
            into = found.setdefault(heading, [])
        else:
            into.append(line)
    sections = {heading: textwrap.dedent("\n".join(text)).strip() for heading, text in found.items()}
    missing = [heading for heading in HEADINGS if not sections.get(heading)]
    if missing:
        raise ArgumentError(
            f"{kind.__name__}: its docstring lacks {', '.join(missing)}; give each heading and its text"
        )
    return " ".join(part.strip() for part in summary if part.strip()), {key: sections[key] for key in HEADINGS}


def _thresholds(rule: Rule) -> tuple[Threshold, ...]:
    """Fields with the ``#:`` comment that stands on their lines or on the lines before."""
    lines = textwrap.dedent(inspect.getsource(type(rule))).splitlines()
    tree = ast.parse("\n".join(lines))
    spans = {
        node.target.id: (node.lineno - 1, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return tuple(
        Threshold(
            name=field.name,
            value=getattr(rule, field.name),
            source=_comment(lines, *spans[field.name]) if field.name in spans else "",
        )
        for field in dataclasses.fields(rule)
    )


def _comment(lines: Sequence[str], start: int, end: int) -> str:
    while start > 0 and lines[start - 1].strip().startswith("#:"):
        start -= 1
    return " ".join(words for line in lines[start:end] if (words := line.partition("#:")[2].strip()))


def _other_causes(rule: Rule) -> frozenset[str]:
    """Causes that the rule's code names besides its own."""
    module = inspect.getmodule(type(rule))
    text = inspect.getsource(module) if module else ""
    return frozenset(slug for slug in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', text) if slug in CAUSES)
