"""The one table of formats: a name is found here, its reader in the file that the import names."""

from __future__ import annotations

from collections.abc import Callable

from unstuck.data.files.cifar import cifar10, cifar100
from unstuck.data.files.csv_table import csv_table
from unstuck.data.files.folder import folder
from unstuck.data.files.huggingface import huggingface
from unstuck.data.files.idx import idx
from unstuck.data.files.npz import npz
from unstuck.data.files.parquet import parquet
from unstuck.data.files.place import Place
from unstuck.data.source import Source

__all__ = ["FORMATS"]

FORMATS: dict[str, Callable[[Place], Source]] = {
    "idx": idx,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "folder": folder,
    "npz": npz,
    "csv": csv_table,
    "parquet": parquet,
    "huggingface": huggingface,
}
"""Every format by its name."""
