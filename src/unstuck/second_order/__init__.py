"""Second derivatives as products with vectors, and the methods that need no more than such products."""

from unstuck.second_order.conjugate_gradients import Solved, conjugate_gradients
from unstuck.second_order.gauss_newton import GaussNewton
from unstuck.second_order.hessian import Hessian, flat
from unstuck.second_order.lanczos import Krylov, lanczos

__all__ = ["GaussNewton", "Hessian", "Krylov", "Solved", "conjugate_gradients", "flat", "lanczos"]
