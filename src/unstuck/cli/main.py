"""The entry point: commands by name, and one message in place of a traceback for what unstuck refuses on purpose."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from unstuck._version import __version__
from unstuck.cli.check import check
from unstuck.cli.compare import compare
from unstuck.cli.explain import explain
from unstuck.cli.report import report
from unstuck.cli.run import run
from unstuck.cli.summary import summary
from unstuck.cli.train import train
from unstuck.errors import UnstuckError

__all__ = ["app", "main"]

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
app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(run)
for _command in (train, check, summary, report, explain):
    app.command()(_command)
app.add_typer(compare, name="compare")


def main() -> None:
    """Run the command line.

    Exits with 2 and the message on standard error where unstuck refuses something, with 130 after Ctrl-C.
    """
    try:
        app()
    except UnstuckError as error:
        print(f"unstuck: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
