"""The curvature of a loss: its Hessian's spectrum, the largest stable rate, and what kind of point training stands at.

Examples:
    >>> import torch
    >>> from torch import nn
    >>> _ = torch.manual_seed(0)
    >>> x = torch.randn(64, 4)
    >>> found = measure(nn.Linear(4, 1), nn.functional.mse_loss, (x, x[:, :1] - x[:, 1:2]))
    >>> found.kind
    'no critical point'
"""

from unstuck.curvature.blocks import Grouping, blocks
from unstuck.curvature.critical import Kind, Point, kind_of
from unstuck.curvature.density import Density, density
from unstuck.curvature.escape import Trial, try_direction
from unstuck.curvature.extremes import Eigenpair, Extremes, extremes
from unstuck.curvature.gradient import Slope, slope
from unstuck.curvature.landscape import Landscape
from unstuck.curvature.measure import measure, measure_function
from unstuck.curvature.rate import RateLimit, RateUse, rate_in_use, rate_limit
from unstuck.curvature.recorded import Recorded, recorded
from unstuck.curvature.result import Block, Curvature
from unstuck.curvature.text import CurvatureText, RecordedText, answer
from unstuck.curvature.trace import Trace, trace

__all__ = [
    "Block",
    "Curvature",
    "CurvatureText",
    "Density",
    "Eigenpair",
    "Extremes",
    "Grouping",
    "Kind",
    "Landscape",
    "Point",
    "RateLimit",
    "RateUse",
    "Recorded",
    "RecordedText",
    "Slope",
    "Trace",
    "Trial",
    "answer",
    "blocks",
    "density",
    "extremes",
    "kind_of",
    "measure",
    "measure_function",
    "rate_in_use",
    "rate_limit",
    "recorded",
    "slope",
    "trace",
    "try_direction",
]
