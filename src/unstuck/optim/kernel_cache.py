"""Where compiled kernels are kept between processes.

Installed packages may be read-only, so kernels live in the user's cache folder: ``$UNSTUCK_CACHE_DIR``, or
``$XDG_CACHE_HOME/unstuck``, or ``~/.cache/unstuck``. Where none of them can be written to, kernels are compiled anew
in each process, which costs about a second and nothing else. Numba itself checks that a kept kernel fits the
processor and its own version.
"""

import hashlib
import os
from pathlib import Path

from unstuck._version import __version__

__all__ = ["cache_folder", "keep_source"]


def cache_folder() -> Path:
    """The folder for compiled kernels, whether it exists or not."""
    if chosen := os.environ.get("UNSTUCK_CACHE_DIR"):
        return Path(chosen) / "kernels"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "unstuck" / "kernels"


def keep_source(source: str, *, name: str) -> str | None:
    """Write a generated module once, and return its path; None where nothing can be kept.

    The path depends on the text and on the release, so that a changed rule never meets an old kernel.
    """
    digest = hashlib.sha256(f"{__version__}\n{source}".encode()).hexdigest()[:16]
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{name}_{digest}.py"
        if not path.exists():
            draft = folder / f".{path.name}.{os.getpid()}"
            draft.write_text(source, encoding="utf-8")
            draft.replace(path)
        if not os.access(folder, os.W_OK):
            return None
    except (OSError, RuntimeError):  # RuntimeError: a user without a home folder
        return None
    return str(path)
