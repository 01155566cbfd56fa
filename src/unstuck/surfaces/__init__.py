"""Methods on surfaces of two parameters: what a rate, a momentum, a schedule does, step by step, in pictures.

Example:
    >>> from unstuck.surfaces import SURFACES, Entry, race
    >>> tracks = race(SURFACES["valley"], [Entry.parse("sgd lr=1e-2"), Entry.parse("adagrad lr=0.5")], steps=1000)
    >>> [bool(track.losses[-1] < 1) for track in tracks]
    [False, True]
"""

from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.entry import Entry
from unstuck.surfaces.race import Track, race
from unstuck.surfaces.surface import Surface, define

__all__ = ["SURFACES", "Entry", "Surface", "Track", "define", "race"]
