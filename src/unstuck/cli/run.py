"""``unstuck run``: diagnose any PyTorch training script, unchanged."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unstuck.cli.options import Confirm, Full, JsonFile, Minutes, OutFolder, Strict, Yes

if TYPE_CHECKING:
    from unstuck.diagnose import Outcome

__all__ = ["run"]


def run(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT", help="The script, a folder or archive with __main__.py, or with -m the module, to run."
        ),
    ],
    args: Annotated[list[str] | None, typer.Argument(metavar="[ARGS]...", help="Its own arguments.")] = None,
    module: Annotated[bool, typer.Option("-m", help="SCRIPT is a module, as after python -m.")] = False,
    out: OutFolder = None,
    json_file: JsonFile = None,
    budget: Annotated[
        str, typer.Option(metavar="PERCENT", help="Share of the training time that watching may take.")
    ] = "2",
    strict: Strict = False,
    full: Full = False,
    confirm: Confirm = False,
    minutes: Minutes = 2.0,
    yes: Yes = False,
) -> Callable[[], BaseException]:
    """Run a training script unchanged, watch it, and say why it does not learn, if it does not."""
    from unstuck.cli.last_status import LastStatus

    share = _share(budget)
    last = LastStatus()  # torch is imported after it: the exit handlers of torch shall come before this one
    from unstuck.cli.json_file import check_json
    from unstuck.cli.trials import may_prove, prove
    from unstuck.cli.verdict import show_ending
    from unstuck.diagnose import StandardError, run_process
    from unstuck.errors import ArgumentError

    if target.startswith("-") and target != "-" and not Path(target).exists():
        raise ArgumentError(f"{target}: there is no such option; unstuck run --help lists what may be given")
    check_json(json_file, made=out)
    proves = confirm and may_prove(yes=yes)
    environment = dict(os.environ)
    stderr = StandardError()

    def conclude(outcome: Outcome) -> None:
        asked = show_ending(outcome, stderr=stderr, json_file=json_file, strict=strict, full=full)
        if proves and outcome.folder is not None:
            asked = prove(
                outcome.folder,
                minutes=minutes,
                yes=yes,
                json_file=json_file,
                strict=strict,
                status=asked,
                environment=environment,
            )
        if not outcome.status:
            last.status = asked

    # Begun outside of typer, that a traceback of the script's whole stack shows little below it.
    return partial(run_process, target, args or [], module=module, out=out, budget=share, conclude=conclude)


def _share(budget: str) -> float:
    from unstuck.errors import ArgumentError

    try:
        percentage = float(budget)
    except ValueError:
        percentage = float("nan")
    if not 0.0 < percentage <= 100.0:
        raise ArgumentError(f"--budget={budget}: a percentage above 0 and at most 100 is accepted, such as 2")
    return percentage / 100.0
