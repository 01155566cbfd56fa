"""``unstuck landscape``: the loss along a line or on a plane through the weights, and the path of training over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unstuck.cli.race import Animation, PictureFolder

if TYPE_CHECKING:
    from rich.console import Console

    from unstuck.landscape import Line
    from unstuck.surfaces.page import Sheet
    from unstuck.train import WeightPath

__all__ = ["landscape"]

MADE_OF = "Made by this command; change what is looked at, and look again."
"""What the page says of its figures."""


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
    from rich.console import Console

    from unstuck.cli.json_file import check_json, write_json
    from unstuck.cli.sheets import write

    console = Console()
    check_json(json_file)
    _check(target, kind, checkpoints or (), overrides or ())
    name, path = _found(target, checkpoints or (), overrides or (), seed, console)
    looked = _Look(
        name=name, path=path, kind=kind, points=points, reach=reach, examples=examples, seed=seed, console=console
    )
    along = looked.line(between) if len(path.states) > 1 or kind == "line" else None
    figures: dict[str, Any] = {"line": along.to_dict()} if along is not None else {}
    if kind == "line" and along is not None:
        sheet = looked.sheet_of_line(along)
    else:
        seen, sheet = looked.plane(along)
        figures["plane"] = seen
    console.print(sheet.title, style="bold", markup=False, highlight=False)
    console.print(sheet.text, markup=False, highlight=False)
    write(console, sheet, out, f"landscape-{name}", gif=gif)
    if json_file:
        write_json(json_file, {"schema": 1, **figures})


def _check(target: str | None, kind: str, checkpoints: Sequence[Path], overrides: Sequence[str]) -> None:
    """Refuse options that do not go together, before anything is trained."""
    from unstuck.errors import ArgumentError

    if kind not in ("auto", "path", "filters", "line"):
        raise typer.BadParameter(f"{kind!r}: path, filters or line is accepted", param_hint="--kind")
    module = ":" in (target or "")
    if checkpoints and not module:
        raise ArgumentError("--checkpoint: it goes with module:function; a run has its own")
    if overrides and (target is None or module or (Path(target).exists() and Path(target).suffix != ".toml")):
        raise ArgumentError("--set: it changes a recipe, which is trained anew; leave it away")


def _found(
    target: str | None, checkpoints: Sequence[Path], overrides: Sequence[str], seed: int, console: Console
) -> tuple[str, WeightPath]:
    """The name of what is looked at, and its weights; a recipe is trained first."""
    from unstuck.preflight import from_factory
    from unstuck.record.folder import newest_run
    from unstuck.train import path_of_files

    chosen = target or str(newest_run())
    if Path(chosen).is_dir() or Path(chosen).suffix == ".sqlite":
        return Path(chosen).resolve().name, _of_run(Path(chosen), console)
    if ":" in chosen:
        return chosen.partition(":")[2], path_of_files(from_factory(chosen, seed=seed), checkpoints)
    return Path(chosen).stem, _of_recipe(chosen, overrides, console)


def _of_run(folder: Path, console: Console) -> WeightPath:
    from unstuck.errors import ArgumentError
    from unstuck.record import Run
    from unstuck.train import weight_path

    with Run.open(folder) as opened:
        path = weight_path(opened)
    if path is None:
        raise ArgumentError(
            f"{folder}: it holds no weights, for it is not a run of unstuck train. Give a function that returns "
            "model, loss and data, and the files that the script has saved: unstuck landscape module:function "
            "--checkpoint first.pt --checkpoint last.pt"
        )
    if path.names[0] == "the start":
        _say(
            console, "It has kept its best weights only; unstuck train --set train.checkpoints=true keeps each epoch's."
        )
    return path


def _of_recipe(recipe: str, overrides: Sequence[str], console: Console) -> WeightPath:
    from unstuck.train import Recipe, progress_for, train

    kept = ("train.checkpoints=true", *overrides)
    trained = train(Recipe.read(recipe, overrides=kept), progress=progress_for(console))
    _say(console, f"Run: {trained.folder}")
    return _of_run(trained.folder, console)


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What is looked at, and how."""

    name: str
    path: WeightPath
    kind: str
    points: int
    reach: float
    examples: int
    seed: int
    console: Console

    def line(self, between: str) -> Line:
        """The loss along the straight line between two of the weights."""
        from unstuck.cli.users_code import users_code
        from unstuck.landscape import line

        path, subject = self.path, self.path.subject
        first, last = _ends(between, len(path.states))
        _say(self.console, f"Straight line from {path.names[first]} to {path.names[last]}")
        with users_code(self.name):
            return line(
                subject.model,
                subject.loss,
                subject.batches,
                start=path.states[first],
                end=path.states[last],
                names=(path.names[first], path.names[last]),
                **self._shared(),
            )

    def sheet_of_line(self, along: Line) -> Sheet:
        """The page of a line alone."""
        from unstuck.surfaces.weights import sheet_of_line

        return sheet_of_line(along, made_of=MADE_OF, command=_command())

    def plane(self, along: Line | None) -> tuple[dict[str, Any], Sheet]:
        """The figures of the loss on a plane, and its page, which has the line too."""
        from unstuck.cli.users_code import users_code
        from unstuck.errors import ArgumentError
        from unstuck.landscape import plane
        from unstuck.surfaces.weights import sheet_of_plane

        path, subject = self.path, self.path.subject
        walked = self.kind == "path" or (self.kind == "auto" and len(path.states) > 2)
        if walked and not path.states:
            raise ArgumentError("--kind path: no weights are given; name the files that were saved with --checkpoint")
        _say(self.console, f"Plane of {self.points} x {self.points} points")
        with users_code(self.name):
            seen = plane(
                subject.model,
                subject.loss,
                subject.batches,
                path=path.states if walked else (),
                names=path.names,
                reach=self.reach,
                **self._shared(),
            )
        return seen.to_dict(), sheet_of_plane(seen, line=along, made_of=MADE_OF, command=_command())

    def _shared(self) -> dict[str, Any]:
        """What a line and a plane are both told."""
        from unstuck.cli.bar import PointsBar

        return {
            "points": self.points,
            "examples": self.examples,
            "seed": self.seed,
            "regularisation": self.path.subject.regularisation,
            "progress": PointsBar(self.console),
        }


def _ends(between: str, count: int) -> tuple[int, int]:
    from unstuck.errors import ArgumentError

    try:
        first, last = (range(count)[int(end)] for end in between.split(","))
    except (ValueError, IndexError) as error:
        raise ArgumentError(
            f"--between {between}: two positions among the {count} weights that there are, such as 0,-1"
        ) from error
    return first, last


def _command() -> str:
    import shlex
    import sys

    return shlex.join(["unstuck", *sys.argv[1:]])


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
