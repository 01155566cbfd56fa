"""``unstuck curvature``: a local minimum, a saddle point, or no critical point at all?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from unstuck.curvature import Grouping
    from unstuck.preflight import Subject

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
    from rich.console import Console

    from unstuck.cli.json_file import check_json, write_json
    from unstuck.errors import ArgumentError
    from unstuck.preflight import from_factory
    from unstuck.record.folder import newest_run
    from unstuck.train import Recipe, subject_of

    check_json(json_file)
    target = str(newest_run()) if target is None else target
    of_run = Path(target).is_dir() or Path(target).suffix == ".sqlite"
    if overrides and (of_run or ":" in target):
        raise ArgumentError("--set: it changes a recipe that is looked at before training; leave it away")
    how = {
        "top": top,
        "grouping": cast("Grouping", blocks),
        "examples": examples,
        "probes": probes,
        "runs": runs,
        "seed": seed,
    }
    look = _Look(target=target, how=how, console=Console())
    if of_run:
        said = look.at_run(Path(target))
    elif ":" in target:
        said = look.at(from_factory(target, seed=seed))
    else:
        said = look.at(subject_of(Recipe.read(target, overrides=overrides or ())))
    if json_file:
        write_json(json_file, said)


@dataclass(frozen=True, kw_only=True)
class _Look:
    """How something is looked at; each method prints what it sees, and gives it as plain data."""

    target: str
    how: Mapping[str, Any]
    console: Console

    def at(self, subject: Subject, rate: float | None = None) -> dict[str, Any]:
        """Look at weights with their loss and data."""
        from unstuck.cli.users_code import users_code
        from unstuck.curvature import CurvatureText, measure, rate_in_use

        with self.console.status("Multiplying by the Hessian, some hundred times"), users_code(self.target):
            found = measure(
                subject.model,
                subject.loss,
                subject.batches,
                optimizer=rate_in_use(subject.optimizer, rate=rate) if subject.optimizer else None,
                regularisation=subject.regularisation,
                **self.how,
            )
        self.console.print(CurvatureText(found))
        return found.to_dict()

    def at_run(self, folder: Path) -> dict[str, Any]:
        """Look at what a run has recorded, and at its best weights where it has kept them."""
        from unstuck.curvature import RecordedText, recorded
        from unstuck.record import Run
        from unstuck.train import checkpoint

        with Run.open(folder) as opened:
            run = opened.snapshot()
            known = recorded(run)
            subject = checkpoint(run)
            said = known.to_dict()
            if subject is not None:
                self._say(
                    "The best weights that this run has left; they may be those of an earlier step than its last."
                )
                said.update(self.at(subject, known.rate))
                self._say("")
            self.console.print(RecordedText(known, whole=subject is None))
            self._say(
                f"Figures: unstuck report {folder} --html FILE draws the gradient norm beside the loss, and the cosine"
            )
            return said

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
