"""``unstuck explain``: what a rule looks for, how, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["explain"]


def explain(
    topic: Annotated[
        str, typer.Argument(metavar="CODE|CAUSE", help="A code such as O201 or P109, or a cause: lr-too-high.")
    ],
) -> None:
    """Explain a finding: what it means, how it is detected, when it is wrong, what to try."""
    import re

    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from unstuck.rules.explain import explain as pages_on

    console = Console()
    if re.fullmatch(r"P1\d\d", topic.strip().upper()):
        from unstuck.preflight.explain import explain as check_on

        code, words = check_on(topic)
        console.print(Text.assemble((code, "bold"), "  a check of unstuck check, before the first step"))
        console.print(Text(words))
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
