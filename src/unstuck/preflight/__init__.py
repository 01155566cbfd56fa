"""Checks before the first step."""

from unstuck.preflight.initial_loss import InitialLossCheck, initial_loss

__all__ = ["InitialLossCheck", "initial_loss"]
