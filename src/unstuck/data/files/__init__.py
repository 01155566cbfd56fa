"""Data sets in files of your own: each format is one file here, refused with one message where it is not sound."""

from unstuck.data.files.catalogue import FORMATS
from unstuck.data.files.place import Place

__all__ = ["FORMATS", "Place"]
