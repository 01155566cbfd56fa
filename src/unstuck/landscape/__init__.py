"""The loss along lines and on planes through the weights of a model, and a training's path over them.

Examples:
    >>> import torch
    >>> from torch import nn
    >>> _ = torch.manual_seed(0)
    >>> x = torch.randn(64, 4)
    >>> found = plane(nn.Linear(4, 1), nn.functional.mse_loss, (x, x[:, :1] - x[:, 1:2]), points=11)
    >>> found.losses.shape
    (11, 11)
"""

from unstuck.landscape.components import Components, components
from unstuck.landscape.directions import Weights, filter_directions
from unstuck.landscape.evaluate import Evaluator, Progress, Silent
from unstuck.landscape.measure import line, plane
from unstuck.landscape.section import Line, Path, Plane

__all__ = [
    "Components",
    "Evaluator",
    "Line",
    "Path",
    "Plane",
    "Progress",
    "Silent",
    "Weights",
    "components",
    "filter_directions",
    "line",
    "plane",
]
