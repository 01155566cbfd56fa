"""Reports of recorded runs: the verdict in the terminal, and one HTML page with the plots. No torch, no network.

Examples:
    >>> import tempfile
    >>> from pathlib import Path
    >>> from rich.console import Console
    >>> from unstuck.record import Run, RunWriter, facts, signals
    >>> from unstuck.report import render_text, write_html
    >>> from unstuck.rules import judge
    >>> folder = Path(tempfile.mkdtemp()) / "fit"
    >>> with RunWriter(folder) as writer:
    ...     writer.state(facts.Loss(function="mse_loss"))
    ...     for step in range(100):
    ...         writer.add(signals.LOSS, step, 2.3 * 0.97**step)
    >>> with Run.open(folder) as run:
    ...     verdict = judge(run, rules=())
    ...     render_text(verdict, run, console=Console(width=80))
    ...     page = write_html(run, verdict, folder / "report.html")
    ✔ It learns: loss 0.129, 2.16 at the start. Nothing wrong was found.
    ...
    >>> page.name, page.stat().st_size < 1_500_000
    ('report.html', True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unstuck.lazily import imported_when_asked

if TYPE_CHECKING:
    from unstuck.report.checks import write_checks
    from unstuck.report.comparison import write_chart, write_comparison
    from unstuck.report.html import write_html
    from unstuck.report.text import render_text

__all__ = ["render_text", "write_chart", "write_checks", "write_comparison", "write_html"]

__getattr__ = imported_when_asked(
    __name__,
    {
        "render_text": "text",
        "write_chart": "comparison",
        "write_checks": "checks",
        "write_comparison": "comparison",
        "write_html": "html",
    },
)
