"""``unstuck curvature``: a local minimum, a saddle point, or no critical point at all?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["curvature"]


def curvature(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|RECIPE|MODULE:FUNCTION]",
            help="Folder of a run, whose best weights are looked at; a recipe, looked at before training; or a "
            "function that returns model, loss, data and, if it likes, an optimizer. The newest run by default.",
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key of a recipe. May be repeated."),
    ] = None,
    top: Annotated[int, typer.Option(metavar="K", help="Eigenvalues of each end.")] = 3,
    blocks: Annotated[
        str, typer.Option(metavar="KIND", help="layer, parameter or none: what is looked at by itself too.")
    ] = "layer",
    examples: Annotated[int, typer.Option(metavar="N", help="Whole batches are taken until there are as many.")] = 256,
    probes: Annotated[int, typer.Option(metavar="N", help="Random vectors for the trace.")] = 30,
    runs: Annotated[int, typer.Option(metavar="N", help="Lanczos runs for the spectral density.")] = 3,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of whatever is drawn.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures as JSON.")] = None,
) -> None:
    """Measure the Hessian's spectrum: is this a local minimum, a saddle point, or no critical point at all?"""
    from typing import Any, cast

    from rich.console import Console

    from unstuck.cli.users_code import users_code
    from unstuck.cli.verdict import check_json, write_json
    from unstuck.curvature import CurvatureText, Grouping, RecordedText, measure, rate_in_use, recorded
    from unstuck.errors import ArgumentError
    from unstuck.preflight import Subject, from_factory
    from unstuck.record import Run
    from unstuck.record.folder import newest_run
    from unstuck.train import Recipe, checkpoint, subject_of

    console = Console()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    def look(subject: Subject, rate: float | None = None) -> dict[str, Any]:
        with console.status("Multiplying by the Hessian, some hundred times"), users_code(str(target)):
            found = measure(
                subject.model,
                subject.loss,
                subject.batches,
                optimizer=rate_in_use(subject.optimizer, rate=rate) if subject.optimizer else None,
                regularisation=subject.regularisation,
                top=top,
                grouping=cast("Grouping", blocks),
                examples=examples,
                probes=probes,
                runs=runs,
                seed=seed,
            )
        console.print(CurvatureText(found))
        return found.to_dict()

    def look_at_run(folder: Path) -> dict[str, Any]:
        with Run.open(folder) as opened:
            run = opened.snapshot()
            known = recorded(run)
            subject = checkpoint(run)
            said = known.to_dict()
            if subject is not None:
                say("The best weights that this run has left; they may be those of an earlier step than its last.")
                said.update(look(subject, known.rate))
                say("")
            console.print(RecordedText(known, whole=subject is None))
            say(f"Figures: unstuck report {folder} --html FILE draws the gradient norm beside the loss, and the cosine")
            return said

    check_json(json_file)
    target = str(newest_run()) if target is None else target
    of_run = Path(target).is_dir() or Path(target).suffix == ".sqlite"
    if overrides and (of_run or ":" in target):
        raise ArgumentError("--set: it changes a recipe that is looked at before training; leave it away")
    if of_run:
        said = look_at_run(Path(target))
    elif ":" in target:
        said = look(from_factory(target, seed=seed))
    else:
        said = look(subject_of(Recipe.read(target, overrides=overrides or ())))
    if json_file:
        write_json(json_file, said)
