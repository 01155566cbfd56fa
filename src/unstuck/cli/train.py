"""``unstuck train``: a complete, checked training from a recipe, or several to compare."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from unstuck.cli.options import INTERRUPTED_EXIT, Confirm, Full, JsonFile, Minutes, OutFolder, Yes

__all__ = ["train"]

SHIPPED = sorted(
    file.name.removesuffix(".toml") for file in (files("unstuck") / "recipes").iterdir() if file.name.endswith(".toml")
)


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help=f"A TOML file, or a recipe that is shipped: {', '.join(SHIPPED)}. For files of your own: "
            "--set data.name=csv --set data.path=FILE --set data.target=COLUMN, or --set data.name=folder --set "
            "data.path=FOLDER for pictures, whose folders train, val and test are used as those parts; "
            "docs/own-data.md has the formats.",
        ),
    ] = "digits",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key, such as optimizer.lr=0.01. May be repeated."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Try two classes and a tenth of the data first, for ten epochs at most, without the test part.",
        ),
    ] = False,
    out: OutFolder = None,
    json_file: JsonFile = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Exit with 3 on a finding of severity error, or where it did not learn; of variants, on a verdict "
            "other than the recipe shows.",
        ),
    ] = False,
    full: Full = False,
    confirm: Confirm = False,
    minutes: Minutes = 2.0,
    yes: Yes = False,
) -> None:
    """Train a model by a recipe, watch it, and say what is wrong, if anything is."""
    # The command's own modules are imported here, for torch takes seconds that --help must not wait for.
    from rich.console import Console

    from unstuck.cli.json_file import write_json
    from unstuck.cli.trials import may_prove, prove
    from unstuck.cli.verdict import STRICT_EXIT, show
    from unstuck.record import Run
    from unstuck.report import write_comparison, write_html
    from unstuck.train import (
        Outcome,
        Progress,
        Variant,
        outcome_of,
        outcome_table,
        progress_for,
        read_variants,
        train_variants,
    )
    from unstuck.train.compared import Compared, compared, comparison

    console = Console()
    variants = read_variants(recipe, overrides=[*(overrides or ()), *(["data.quick=true"] if quick else [])])
    alone = len(variants) == 1
    proves = confirm and alone and may_prove(yes=yes, reads_input=False)

    def say(line: str = "") -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    if confirm and not alone:
        say("Several settings are trained: none is run again. unstuck confirm FOLDER does so with one of them.")

    def begin(variant: Variant) -> Progress:
        if not alone:
            say(f"{variants.index(variant) + 1}/{len(variants)}  {variant.name}")
        return progress_for(console)

    outcomes: list[Outcome] = []
    rows: list[Compared] = []
    status = 0
    for variant, trained in train_variants(variants, out, begin=begin):
        for line in trained.lines:
            say(line)
        outcome = outcome_of(variant, trained)
        outcomes.append(outcome)
        page = trained.folder / "report.html"
        if alone:
            say()
            status = show(trained.folder, console=console, html=page, json_file=json_file, strict=strict, full=full)
            if proves and trained.reason != "interrupted":
                status = prove(
                    trained.folder,
                    minutes=minutes,
                    yes=yes,
                    html=page,
                    json_file=json_file,
                    strict=strict,
                    status=status,
                )
        else:
            with Run.open(trained.folder) as run:
                say(f"Report: {write_html(run, outcome.verdict, page)}")
            rows.append(compared(outcome))
            say()
        if trained.reason == "interrupted":
            status = INTERRUPTED_EXIT
    if not alone:
        console.print(outcome_table(outcomes))
        curves = outcomes[0].trained.folder.parent / "comparison.html"
        say(f"Curves: {write_comparison(comparison(rows, f'Trainings of {Path(recipe).stem}'), curves)}")
        if json_file:
            write_json(json_file, {"schema": 2, "variants": [outcome.to_dict() for outcome in outcomes]})
    if status != INTERRUPTED_EXIT and any(outcome.variant.recipe.shows or not alone for outcome in outcomes):
        status = STRICT_EXIT if strict and any(outcome.surprise for outcome in outcomes) else 0
    raise typer.Exit(status)
