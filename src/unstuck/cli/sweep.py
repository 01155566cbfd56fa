"""``unstuck sweep``: the keys of a recipe, from the order of magnitude to the fine value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unstuck.cli.options import INTERRUPTED_EXIT, OutFolder

__all__ = ["sweep"]


def sweep(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE|DIR]",
            help="A TOML file or a recipe that is shipped; digits by default. The folder of a sweep goes on with it.",
        ),
    ] = None,
    over: Annotated[
        list[str] | None,
        typer.Option(
            "--over",
            metavar="KEY[=VALUES]",
            help="A key to sweep: optimizer.lr=1e-4..1, optimizer.weight_decay='0, 1e-4..1e-1', model.hidden='[64], "
            "[128, 64]'; or one whose usual values are known, such as optimizer.lr, optimizer.momentum, "
            "train.batch_size, init.weights, model.name. May be repeated; a recipe may hold them in [sweep].",
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key, such as train.epochs=10. May be repeated."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Seek the order of magnitude on two classes and a tenth of the data first."),
    ] = False,
    sampler: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="A sampler of Optuna's and its arguments, 'tpe n_startup_trials=20', in place of grids.",
        ),
    ] = "",
    pruner: Annotated[
        str, typer.Option(metavar="TEXT", help="With --sampler, a pruner of Optuna's: median, hyperband, ...")
    ] = "",
    tries: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Settings that are tried at most; 200, with --sampler 64.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, help="Seeds that the three best settings are trained with.")
    ] = 3,
    out: OutFolder = None,
    storage: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where the study is kept, for many machines: postgresql+psycopg://user@host/name or grpc://host:port; "
            "by default in a journal in the folder.",
        ),
    ] = "",
    study: Annotated[str, typer.Option(metavar="NAME", help="Name of the study, of several in one storage.")] = "sweep",
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Train by Ray Tune on a cluster: its address, or local for this machine."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON.")] = None,
) -> None:
    """Search for the best values of any keys of a recipe: first their order of magnitude, then fine, then over seeds.

    Killed, it goes on where it stopped: give the same command with the same --out. Exit status: 0 if a setting was
    found, 1 if all were stopped, 2 if something is refused.
    """
    from rich.console import Console

    from unstuck.cli.json_file import check_json, write_json
    from unstuck.sweep import begin, join
    from unstuck.sweep.page import write_sweep
    from unstuck.sweep.show import show_for
    from unstuck.sweep.text import SweepText

    console = Console()

    def say(line: str = "") -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    check_json(json_file)
    begun = begin(
        recipe,
        over=over or (),
        overrides=overrides or (),
        quick=quick,
        sampler=sampler,
        pruner=pruner,
        tries=tries,
        seeds=seeds,
        folder=out,
        storage=storage,
        name=study,
        ray=ray,
    )
    say(f"{begun.source}: {begun.description}")
    say(f"Study: {begun.study.address}")
    show = show_for(console, begun.space, expected=begun.strategy.expected(begun.space))
    try:
        result = join(begun.study, begun.strategy, begun.folder, trainer=begun.trainer, show=show)
    except KeyboardInterrupt:
        say(f"Interrupted; to go on: unstuck sweep {begun.again}")
        raise typer.Exit(INTERRUPTED_EXIT) from None
    console.print(SweepText(result))
    say()
    page = write_sweep(result, begun.folder / "sweep.html", source=begun.source, best=begun.best_recipe)
    say(f"Page: {page}")
    if result.best:
        say(f"Recipe: unstuck train {begun.write_best(result)}")
    if json_file:
        write_json(json_file, result.to_dict())
    raise typer.Exit(0 if result.best else 1)
