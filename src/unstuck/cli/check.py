"""``unstuck check``: everything that a careful person looks at before training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["check"]

CROSS_EXIT = 1


def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|MODULE:FUNCTION", help="A recipe, or a function that returns model, loss, data."
        ),
    ] = "digits",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key of a recipe. May be repeated."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the verdict as JSON too.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with the plots too.")] = None,
) -> None:
    """Check gradient, data, first loss and more before training. Exits with 1 if something is wrong."""
    import json

    from rich.console import Console

    from unstuck.errors import ArgumentError, RunWriteError
    from unstuck.preflight import from_factory, run_checks
    from unstuck.report import write_checks
    from unstuck.train import Recipe, subject_of

    if ":" in target and overrides:
        raise ArgumentError("--set: it changes a recipe, and a function has none; leave it away")
    subject = from_factory(target) if ":" in target else subject_of(Recipe.read(target, overrides=overrides or ()))
    checklist = run_checks(subject)
    console = Console()
    console.print(checklist)
    failed = len(checklist.failures)
    made = f"{len(checklist.checks)} checks in {checklist.seconds:.1f} s"
    console.print(f"{made}: {f'{failed} failed' if failed else 'nothing wrong was found'}", highlight=False)
    if html:
        console.print(f"Page: {write_checks(checklist, html)}", markup=False, highlight=False, soft_wrap=True)
    if json_file:
        try:
            json_file.write_text(json.dumps(checklist.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise RunWriteError(
                f"--json {json_file}: cannot be written ({error.strerror}); choose another file"
            ) from error
    raise typer.Exit(CROSS_EXIT if failed else 0)
