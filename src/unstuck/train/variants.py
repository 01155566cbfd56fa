"""Recipes that compare: one base, and variants that change a few keys of it, trained one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from unstuck.errors import RecipeError
from unstuck.record.folder import new_folder
from unstuck.spelling import unknown
from unstuck.train import toml
from unstuck.train.progress import Progress
from unstuck.train.recipe import DEFAULT, Recipe, text_of
from unstuck.train.session import Trained, train

__all__ = ["Variant", "read_variants", "train_variants"]

Table = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One of the trainings that a recipe describes.

    Attributes:
        name: Its name; empty where the recipe has no variants.
        recipe: What to do.
    """

    name: str
    recipe: Recipe

    @property
    def slug(self) -> str:
        """The name as a folder: letters, figures and dashes.

        Examples:
            >>> Variant(name="N(0, 1/n)", recipe=Recipe()).slug
            'n-0-1-n'
        """
        return re.sub(r"[^a-z0-9.]+", "-", self.name.lower()).strip("-.") or "variant"


def read_variants(source: str | Path = DEFAULT, *, overrides: Sequence[str] = ()) -> tuple[Variant, ...]:
    """Read every training that a recipe describes.

    A recipe may end with tables ``[[variant]]``, each with a ``name`` and keys that replace those of the recipe above.
    A section whose own ``name`` changes is replaced as a whole, for another model has other keys.

    Args:
        source: A TOML file, or the name of one of :func:`~unstuck.train.shipped`.
        overrides: Assignments ``KEY=VALUE`` that replace what stands there, in every variant.

    Returns:
        One at least; a recipe without variants is its own, without a name.

    Raises:
        RecipeError: It cannot be read, or a variant makes no sense.

    Examples:
        >>> [variant.name for variant in read_variants("initialisation")]
        ['N(0, 1)', 'N(0, 1/n)', 'He, with ReLU']
    """
    table = toml.parse(text_of(source), source=str(source))
    given = table.pop("variant", None)
    table.pop("sweep", None)
    if given is None:
        for assignment in overrides:
            toml.override(table, assignment)
        return (Variant(name="", recipe=Recipe.of(table)),)
    found: list[Variant] = []
    for changes in _tables(given):
        name = changes.pop("name", None)
        if not isinstance(name, str) or not name.strip():
            raise RecipeError(f"variant.name={name!r}: each [[variant]] needs a name, a text in quotes")
        if any(name == other.name for other in found):
            raise RecipeError(f"variant.name={name!r}: there is one of this name already; give another")
        merged = _merged(table, changes)
        for assignment in overrides:
            toml.override(merged, assignment)
        try:
            variant = Variant(name=name, recipe=Recipe.of(merged))
        except RecipeError as error:
            raise RecipeError(f"variant {name!r}: {error}") from error
        wanted = variant.recipe.start.variant
        if wanted is not None and all(wanted != other.name for other in found):
            known = unknown("start.variant", wanted, [other.name for other in found])
            raise RecipeError(f"variant {name!r}: {known}; only variants that stand before it can be begun from")
        found.append(variant)
    return tuple(found)


def train_variants(
    variants: Sequence[Variant], folder: Path | None = None, *, begin: Callable[[Variant], Progress] | None = None
) -> Iterator[tuple[Variant, Trained]]:
    """Train one after the other, and give each as soon as it is done; Ctrl-C ends with the one that it met.

    Args:
        variants: What :func:`read_variants` gave.
        folder: Where the runs go: a folder in it for each variant, by default under ``runs/<date>-<time>-variants``. A
            single training without a name goes into the folder itself.
        begin: Called before each, gives who is told meanwhile; nobody by default.

    Raises:
        UnstuckError: As :func:`~unstuck.train.train` does.
    """
    alone = len(variants) == 1 and not variants[0].name
    if folder is None and not alone:
        folder = new_folder("variants")
    done: dict[str, Path] = {}
    for place, variant in enumerate(variants):
        wanted = variant.recipe.start.variant
        recipe = variant.recipe
        if wanted is not None:
            start = recipe.start.model_copy(update={"variant": None, "weights": str(done[wanted])})
            recipe = recipe.model_copy(update={"start": start})
        own = folder if alone or folder is None else folder / f"{place + 1:02}-{variant.slug}"
        trained = train(recipe, own, progress=begin(variant) if begin else None)
        done[variant.name] = trained.folder
        yield replace(variant, recipe=recipe), trained
        if trained.reason == "interrupted":
            return


def _tables(given: object) -> list[Table]:
    entries = cast("list[Any]", given) if isinstance(given, list) else []
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        raise RecipeError("variant: tables [[variant]] are accepted, each with a name and the keys that it changes")
    return [dict(cast("Table", entry)) for entry in entries]


def _merged(base: Table, changes: Table) -> Table:
    merged: Table = {
        key: dict(cast("Table", value)) if isinstance(value, dict) else value for key, value in base.items()
    }
    for section, change in changes.items():
        before: Any = merged.get(section)
        if not isinstance(change, dict) or not isinstance(before, dict):
            merged[section] = change
            continue
        keys, old = cast("Table", change), cast("Table", before)
        renamed = "name" in keys and keys["name"] != old.get("name")
        merged[section] = dict(keys) if renamed else {**old, **keys}
    return merged
