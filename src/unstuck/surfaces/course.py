"""The course in pictures: what ``unstuck show`` has, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unstuck.errors import ArgumentError
from unstuck.spelling import unknown
from unstuck.surfaces.averages import averages
from unstuck.surfaces.differences import step_size
from unstuck.surfaces.initialisation import initialisation
from unstuck.surfaces.page import Sheet, sheet_of
from unstuck.surfaces.scenes import SCENES, Scene

__all__ = ["COURSE", "RECIPES", "Lesson", "lesson"]


@dataclass(frozen=True)
class Lesson:
    """One page of the course.

    Attributes:
        name: Its name on the command line.
        shows: What it shows, in one line.
        sheet: Makes the page.
    """

    name: str
    shows: str
    sheet: Callable[[], Sheet]


def _of_scene(scene: Scene) -> Lesson:
    def sheet() -> Sheet:
        return sheet_of(
            scene.run(),
            title=scene.shows[0].upper() + scene.shows[1:],
            text=scene.text,
            made_of=(
                f"This is the scene {scene.name}. The command makes the same race: change a rate, a method, the start "
                "or the surface, and look again."
            ),
            command=scene.command,
        )

    return Lesson(scene.name, scene.shows, sheet)


COURSE: dict[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        *map(_of_scene, SCENES.values()),
        Lesson("averages", "the moving average with and without bias correction, beta 0.5, 0.9 and 0.98", averages),
        Lesson("initialisation", "first weights: what reaches the last layer, and what comes back", initialisation),
        Lesson("step-size", "the V of the gradient check: the error of a difference against its step", step_size),
    )
}
"""Every page that is drawn from a surface or a formula."""

RECIPES: dict[str, tuple[str, str]] = {
    "four-rates": ("learning-rates", "the four curves of a rate: too low, good, high, too high"),
}
"""Lessons that are trainings: the recipe of each, and what it shows."""


def lesson(name: str) -> Lesson:
    """The lesson of a name.

    Raises:
        ArgumentError: There is none; the message has the nearest spelling.
    """
    if name not in COURSE:
        raise ArgumentError(unknown("NAME", name, (*COURSE, *RECIPES)))
    return COURSE[name]
