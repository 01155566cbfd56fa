"""Pages without any script: made from a template, and written whole."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from unstuck._version import __version__
from unstuck.errors import RunWriteError

__all__ = ["render_page", "write_page"]


def render_page(template: str, *, package: str = "unstuck.report", **values: Any) -> str:
    """The text of a page; names are escaped, and a value that the template lacks is an error.

    Args:
        template: Its template.
        package: Where that lies; it may use those of the report too.
        values: What the template shows.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("unstuck.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    styles = (files("unstuck.report") / "static" / "report.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(styles=styles, version=__version__, **values)


def write_page(content: str, path: Path) -> Path:
    """Write a page.

    Raises:
        RunWriteError: The file may not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise RunWriteError(f"{path}: the page cannot be written ({error.strerror}); choose another file") from error
    return path
