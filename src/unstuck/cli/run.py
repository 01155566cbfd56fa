"""``unstuck run``: diagnose any PyTorch training script, unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["run"]


def run(
    target: Annotated[str, typer.Argument(metavar="SCRIPT", help="The script, or with -m the module, to run.")],
    args: Annotated[list[str] | None, typer.Argument(metavar="[ARGS]...", help="Its own arguments.")] = None,
    module: Annotated[bool, typer.Option("-m", help="SCRIPT is a module, as after python -m.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run; runs/<date>-<name> by default.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the verdict as JSON too.")
    ] = None,
    budget: Annotated[
        float, typer.Option(metavar="PERCENT", help="Share of the training time that watching may take.")
    ] = 2.0,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 on a finding of severity error.")] = False,
) -> None:
    """Run a training script unchanged, watch it, and say why it does not learn, if it does not."""
    from unstuck.cli.verdict import Margin, check_json, show
    from unstuck.diagnose import run_script
    from unstuck.errors import ArgumentError

    if not 0.0 < budget <= 100.0:
        raise ArgumentError(f"--budget={budget:g}: a percentage above 0 and at most 100 is accepted, such as 2")
    if target.startswith("-") and not Path(target).exists():
        raise ArgumentError(f"{target}: there is no such option; unstuck run --help lists what may be given")
    check_json(json_file)
    outcome = run_script(target, args or [], module=module, out=out, budget=budget / 100.0)
    status = outcome.status
    if outcome.folder is not None:
        judged = show(
            outcome.folder,
            console=Margin(),
            html=None,
            json_file=json_file,
            strict=strict,
            reason=outcome.reason,
            failure=outcome.failure,
        )
        status = status or judged
    raise typer.Exit(status)
