"""The entry point: commands by name, and one message in place of a traceback for what unstuck refuses on purpose."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn, cast

import typer

from unstuck._version import __version__
from unstuck.cli.check import check
from unstuck.cli.compare import compare
from unstuck.cli.confirm import confirm
from unstuck.cli.curvature import curvature
from unstuck.cli.explain import explain
from unstuck.cli.find_lr import ScriptLast, find_lr
from unstuck.cli.landscape import landscape
from unstuck.cli.options import STATUSES
from unstuck.cli.race import race
from unstuck.cli.report import report
from unstuck.cli.run import run
from unstuck.cli.show import show
from unstuck.cli.summary import summary
from unstuck.cli.sweep import sweep
from unstuck.cli.train import train
from unstuck.errors import UnstuckError

__all__ = ["app", "main"]

UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""What typer raises for a wrong command line: click's class, or, since it carries click within itself, its own."""

app = typer.Typer(
    name="unstuck",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes and colours in the help would take a third of the time that it may take
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
]


@app.callback()
def _options(version: Version = False) -> None:  # pyright: ignore[reportUnusedFunction]
    """Train neural networks properly, and find out why one will not train."""


# What follows the script belongs to the script, options among it.
app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}, epilog=STATUSES)(run)
for _command in (train, report, confirm):
    app.command(epilog=STATUSES)(_command)
app.command(name="find-lr", cls=ScriptLast)(find_lr)
for _command in (check, summary, curvature, landscape, sweep, explain, race, show):
    app.command()(_command)
app.add_typer(compare, name="compare")


def main() -> None:
    """Run the command line.

    Exits with 2 and one message on standard error where unstuck refuses something, with 130 after Ctrl-C. What ends a
    script that was run is raised from here, for the interpreter alone to catch.
    """
    try:
        ended: object = app(standalone_mode=False)
        if callable(ended):
            ended = ended()
    except UnstuckError as error:
        _refuse(f"unstuck: {error}")
    except UsageError as error:
        said = error.format_message()
        asked = error.ctx.command_path if error.ctx is not None else "unstuck"
        _refuse(said if "Usage:" in said else f"{asked}: {said} ({asked} --help)")
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    if isinstance(ended, BaseException):
        raise ended
    sys.exit(ended if isinstance(ended, int) else 0)


def _refuse(message: str) -> NoReturn:
    if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison]  it was closed at the start
        print(message, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
