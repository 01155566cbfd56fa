"""The process of one trial: ``python -m unstuck.confirm.process`` forks one for each trial that it is given.

It runs the program as ``unstuck run`` does, with the changes of the trial, where nothing that it writes stays.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from unstuck.confirm.bound import Bound
from unstuck.confirm.from_training import enter_at_training
from unstuck.confirm.seeds import move_seeds
from unstuck.confirm.trial import BEGUN, LONGER, OUTPUT, Ended, Plan
from unstuck.diagnose import run_process
from unstuck.remedies import Change, applied, changed, effects
from unstuck.sandbox.serve import Sandbox, serve
from unstuck.train import Recipe, toml, train

if TYPE_CHECKING:
    from unstuck.diagnose import Outcome

__all__ = ["make"]


def make(sandbox: Sandbox) -> BaseException:
    """Make one trial in this process, which was forked for it.

    Args:
        sandbox: Where it is made.

    Returns:
        What the process must raise to end.
    """
    began = time.monotonic()
    folder = sandbox.folder
    plan = Plan.read(folder)
    started = plan.invocation
    script = "" if plan.recipe else started.target
    stdin = started.stdin_file or os.devnull
    sandbox.enter(output=folder / OUTPUT, working=started.folder, script=script, stdin=stdin)
    begun = (folder / BEGUN).touch
    bound = Bound(
        steps=sys.maxsize if plan.whole else plan.steps,
        seconds=plan.seconds * plan.longer,
        begun=begun,
        training=plan.stream,
        gently=bool(plan.recipe),
    )

    def conclude(outcome: Outcome) -> None:
        how = bound.reached or ("crashed" if outcome.crashed else "finished")
        _write_end(plan, folder, how, began, status=outcome.status, reason=outcome.reason or outcome.failure)

    move_seeds(plan.seed)
    bound.install()
    stack = ExitStack()  # left to the end of the process
    changes = tuple(Change(remedy=name, settings=settings) for name, settings in plan.changes)
    enter_at_training(plan.stream if changes else 0, lambda: applied(*changes), stack)
    if plan.recipe:
        train(_recipe(plan), folder)
        _write_end(plan, folder, bound.reached or "finished", began)
        return SystemExit(0)
    return run_process(started.target, started.args, module=started.module, out=folder, conclude=conclude)


def _recipe(plan: Plan) -> Recipe:
    """The recipe of a trial; its draw is one of the recipe's own seed, which its parts are seeded from."""
    recipe = Recipe.of(toml.parse(plan.recipe, source="the recipe of the run"))
    longer = recipe.train.model_copy(update={"epochs": round(recipe.train.epochs * plan.longer)})
    if plan.longer > 1.0:
        effects.happened(LONGER)
    return recipe.model_copy(update={"seed": recipe.seed + plan.seed, "train": longer})


def _write_end(plan: Plan, folder: Path, how: str, began: float, *, status: int = 0, reason: str = "") -> None:
    took_effect = plan.control or changed()
    seconds = time.monotonic() - began
    Ended(how=how, status=status, changed=took_effect, seconds=seconds, reason=reason).write(folder)


if __name__ == "__main__":
    raise serve(make)
