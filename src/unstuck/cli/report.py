"""``unstuck report``: the verdict on a recorded run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unstuck.cli.options import Full, JsonFile, Strict

__all__ = ["report"]


def report(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN]", help="Folder of a run, finished or still going on; the newest in ./runs by default."
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the HTML report too.")] = None,
    json_file: JsonFile = None,
    strict: Strict = False,
    full: Full = False,
) -> None:
    """Judge a recorded run again, and show the verdict."""
    from rich.console import Console

    from unstuck.cli.verdict import show
    from unstuck.record.folder import newest_run

    console = Console()
    if run is None:
        run = newest_run()
        console.print(f"The newest run: {run}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(show(run, console=console, html=html, json_file=json_file, strict=strict, full=full))
