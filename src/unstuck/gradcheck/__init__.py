"""The gradient check: automatic differentiation against differences, with a verdict."""

from unstuck.gradcheck.check import check_gradients
from unstuck.gradcheck.result import Culprit, GradientCheck, TensorCheck
from unstuck.gradcheck.sweep import Sweep

__all__ = ["Culprit", "GradientCheck", "Sweep", "TensorCheck", "check_gradients"]
