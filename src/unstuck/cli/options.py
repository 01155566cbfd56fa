"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["INTERRUPTED_EXIT", "STATUSES", "Confirm", "Full", "JsonFile", "Minutes", "OutFolder", "Strict", "Yes"]

INTERRUPTED_EXIT = 130
"""Exit status of a command that Ctrl-C has ended, as shells give it: 128 and the number of the signal."""


def _folder(name: str) -> Path:
    """Take the name of a folder; an empty one, such as that of a variable of the shell that is not set, is none."""
    if not name:
        raise typer.BadParameter("is empty; give the name of a folder, which is made if it is not there")
    return Path(name)


OutFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        parser=_folder,
        help="Folder of the run, which gets one file; runs/<date>-<name> by default. `unstuck report` then needs DIR.",
    ),
]

JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the verdict as JSON too.")]

Full = Annotated[
    bool, typer.Option("--full", help="Print every finding with all its evidence, and every check by name.")
]

Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit with 3 on a finding of severity error, or where a training did not learn."),
]

Confirm = Annotated[
    bool,
    typer.Option(
        "--confirm",
        help="Then try the remedies on the training, as `unstuck confirm` does, and say what helped.",
    ),
]

Minutes = Annotated[float, typer.Option("--minutes", metavar="MINUTES", help="Time for all trials together.")]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the program is run again.")]

STATUSES = (
    "Exit status: that of the script or 0, whatever the verdict; 2 if something is refused or cannot be written. With "
    "--strict, 3 if the verdict is findings with one of severity error, or not learnt; 0 if it is findings of severity "
    "warning alone, improvable, cannot be told, not enough data or healthy."
)
"""What the end of a command means, for its help."""
