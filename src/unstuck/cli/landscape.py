"""``unstuck landscape``: the loss along a line or on a plane through the weights, and the path of training over it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unstuck.cli.race import Animation, PictureFolder

__all__ = ["landscape"]


def landscape(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|RECIPE|MODULE:FUNCTION]",
            help="Folder of a run of `unstuck train`; a recipe, which is trained first, its weights kept after each "
            "epoch; or a function that returns model, loss and data. The newest run by default.",
        ),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="path: the plane of the first two principal components of the path, for three kept weights or more; "
            "filters: random directions, each filter of the norm of the weights'; line: a straight line only. By "
            "default path where it can be drawn, else filters.",
        ),
    ] = "auto",
    between: Annotated[
        str,
        typer.Option(
            metavar="FROM,TO",
            help="Ends of the straight line: positions among the weights that were kept, 0 the first, -1 the last.",
        ),
    ] = "0,-1",
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="Weights of the function's model, as safetensors or of torch.save, in order. May be repeated.",
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key of a recipe. May be repeated."),
    ] = None,
    points: Annotated[int, typer.Option(metavar="N", help="Points to a side.")] = 51,
    reach: Annotated[float, typer.Option(metavar="R", help="Of filters: to each side, in filter norms.")] = 1.0,
    examples: Annotated[int, typer.Option(metavar="N", help="Whole batches are taken until there are as many.")] = 512,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random directions.", min=0)] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures as JSON.")] = None,
    gif: Animation = False,
    out: PictureFolder = Path("pictures"),
) -> None:
    """Draw the loss around the weights: a page to zoom into and to turn, and a picture."""
    import shlex
    import sys
    from typing import Any

    from rich.console import Console

    from unstuck.cli.bar import PointsBar
    from unstuck.cli.sheets import write
    from unstuck.cli.users_code import users_code
    from unstuck.cli.verdict import check_json, write_json
    from unstuck.errors import ArgumentError
    from unstuck.landscape import line, plane
    from unstuck.preflight import from_factory
    from unstuck.record import Run
    from unstuck.record.folder import newest_run
    from unstuck.surfaces.weights import sheet_of_line, sheet_of_plane
    from unstuck.train import Recipe, WeightPath, path_of_files, progress_for, train, weight_path

    console = Console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    def of_run(folder: Path) -> WeightPath:
        with Run.open(folder) as opened:
            path = weight_path(opened)
        if path is None:
            raise ArgumentError(
                f"{folder}: it holds no weights, for it is not a run of unstuck train. Give a function that returns "
                "model, loss and data, and the files that the script has saved: unstuck landscape module:function "
                "--checkpoint first.pt --checkpoint last.pt"
            )
        if path.names[0] == "the start":
            say("It has kept its best weights only; unstuck train --set train.checkpoints=true keeps each epoch's.")
        return path

    def of_recipe(recipe: str) -> WeightPath:
        kept = ("train.checkpoints=true", *(overrides or ()))
        trained = train(Recipe.read(recipe, overrides=kept), progress=progress_for(console))
        say(f"Run: {trained.folder}")
        return of_run(trained.folder)

    def found() -> tuple[str, WeightPath]:
        chosen = target or str(newest_run())
        if Path(chosen).is_dir() or Path(chosen).suffix == ".sqlite":
            return Path(chosen).resolve().name, of_run(Path(chosen))
        if ":" in chosen:
            return chosen.partition(":")[2], path_of_files(from_factory(chosen, seed=seed), checkpoints or ())
        return Path(chosen).stem, of_recipe(chosen)

    def check() -> None:
        if kind not in ("auto", "path", "filters", "line"):
            raise typer.BadParameter(f"{kind!r}: path, filters or line is accepted", param_hint="--kind")
        module = ":" in (target or "")
        if checkpoints and not module:
            raise ArgumentError("--checkpoint: it goes with module:function; a run has its own")
        if overrides and (target is None or module or (Path(target).exists() and Path(target).suffix != ".toml")):
            raise ArgumentError("--set: it changes a recipe, which is trained anew; leave it away")

    def ends(path: WeightPath) -> tuple[int, int]:
        try:
            first, last = (range(len(path.states))[int(end)] for end in between.split(","))
        except (ValueError, IndexError) as error:
            raise ArgumentError(
                f"--between {between}: two positions among the {len(path.states)} weights that there are, such as 0,-1"
            ) from error
        return first, last

    check_json(json_file)
    check()
    name, path = found()
    subject = path.subject
    shared: dict[str, Any] = {
        "points": points, "examples": examples, "seed": seed, "regularisation": subject.regularisation,
    }  # fmt: skip
    figures: dict[str, Any] = {}
    command = shlex.join(["unstuck", *sys.argv[1:]])
    made_of = "Made by this command; change what is looked at, and look again."
    between_ends = None
    if len(path.states) > 1 or kind == "line":
        first, last = ends(path)
        say(f"Straight line from {path.names[first]} to {path.names[last]}")
        with users_code(name):
            between_ends = line(
                subject.model, subject.loss, subject.batches, start=path.states[first], end=path.states[last],
                names=(path.names[first], path.names[last]), progress=PointsBar(console), **shared,
            )  # fmt: skip
        figures["line"] = between_ends.to_dict()
    if kind == "line" and between_ends is not None:
        sheet = sheet_of_line(between_ends, made_of=made_of, command=command)
    else:
        walked = kind == "path" or (kind == "auto" and len(path.states) > 2)
        if walked and not path.states:
            raise ArgumentError("--kind path: no weights are given; name the files that were saved with --checkpoint")
        say(f"Plane of {points} x {points} points")
        with users_code(name):
            seen = plane(
                subject.model, subject.loss, subject.batches, path=path.states if walked else (), names=path.names,
                reach=reach, progress=PointsBar(console), **shared,
            )  # fmt: skip
        figures["plane"] = seen.to_dict()
        sheet = sheet_of_plane(seen, line=between_ends, made_of=made_of, command=command)
    console.print(sheet.title, style="bold", markup=False, highlight=False)
    console.print(sheet.text, markup=False, highlight=False)
    write(console, sheet, out, f"landscape-{name}", gif=gif)
    if json_file:
        write_json(json_file, {"schema": 1, **figures})
