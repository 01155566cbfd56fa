"""Change one thing in a training, from outside: what is tried to prove a diagnosis.

A remedy says which changes are worth trying on a run that was recorded, and makes one in the process of a trial, by
the hooks of PyTorch and never by editing the script.
"""

from unstuck.remedies.catalogue import CATALOGUE, applied, refinements
from unstuck.remedies.change import Change, Setting
from unstuck.remedies.effects import changed
from unstuck.remedies.remedy import Remedy

__all__ = ["CATALOGUE", "Change", "Remedy", "Setting", "applied", "changed", "refinements"]
