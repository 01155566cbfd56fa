"""The functions of the system itself, behind :mod:`os`, which has them by the same names."""

from __future__ import annotations

import importlib
import os
from typing import Any

__all__ = ["system"]

system: Any = importlib.import_module(os.name)
"""``posix``, or ``nt`` on Windows; what is put in place of functions of :mod:`os` calls it."""
