"""Train neural networks properly, and find out why one will not train."""

from unstuck._version import __version__

__all__ = ["__version__"]
