"""``unstuck explain``: what a rule looks for, how, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["explain"]


def explain(
    topic: Annotated[
        str,
        typer.Argument(
            metavar="CODE|CAUSE", help="A code such as O201 or P109, or a cause: lr-too-high. All are listed without."
        ),
    ] = "",
) -> None:
    """Explain a finding: what it means, how it is detected, when it is wrong, what to try. Without one, list all."""
    import re

    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from unstuck.confirm.conclude import BY_TRIAL, FOUND_BY_TRIAL
    from unstuck.rules.explain import explain as pages_on

    console = Console()
    if not topic.strip():
        _list_all(console)
        return
    if re.fullmatch(r"P1\d\d", topic.strip().upper()):
        from unstuck.preflight.explain import explain as check_on

        code, words = check_on(topic)
        console.print(Text.assemble((code, "bold"), "  a check of unstuck check, before the first step"))
        console.print(Text(words))
        return
    if topic.strip().upper() == FOUND_BY_TRIAL:
        console.print(Text.assemble((FOUND_BY_TRIAL, "bold"), "  found by experiment"))
        console.print(Text(BY_TRIAL))
        return
    for page in pages_on(topic):
        console.print(Text.assemble((f"{page.code} {page.name}", "bold"), f"  {page.cause}: {page.meaning}"))
        console.print(Text(page.summary))
        for heading, text in page.sections.items():
            console.print(Text(f"\n{heading}", "bold"))
            for paragraph in text.split("\n\n"):
                console.print(Padding(Text(" ".join(paragraph.split())), (0, 0, 0, 2)))
        if page.gates:
            console.print(Text("\nNot judged where", "bold"))
            console.print(Padding(Text("; ".join(page.gates) + "."), (0, 0, 0, 2)))
        if page.thresholds:
            console.print(Text("\nThresholds", "bold"))
        for threshold in page.thresholds:
            words = f"{threshold.name} = {threshold.value}  {threshold.source}"
            console.print(Padding(Text(words), (0, 0, 0, 2)))
        console.print()


def _list_all(console: Console) -> None:
    """Every rule and every check with its name, by code."""
    from rich.table import Table

    from unstuck.preflight.explain import headlines
    from unstuck.record import CAUSES
    from unstuck.rules.catalogue import RULES

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("code", "finding", "cause"):
        table.add_column(heading, overflow="fold")
    for rule in sorted(RULES, key=lambda rule: rule.code):
        table.add_row(rule.code, rule.name, rule.cause)
    console.print(table)
    checks = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("code", "check before the first step (unstuck check)"):
        checks.add_column(heading, overflow="fold")
    for code, words in headlines().items():
        checks.add_row(code, words)
    console.print()
    console.print(checks)
    console.print(f"\nCauses: {', '.join(sorted(CAUSES))}", highlight=False)
    console.print("\nunstuck explain CODE, or CAUSE, says more.", highlight=False)
