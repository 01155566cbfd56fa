"""Contract suites that others can hold their own parts against, and gradient checks as assertions.

The suites need pytest; ``assert_gradients`` needs nothing, and no plugin::

    def test_gradients():
        unstuck.testing.assert_gradients(model, loss, (inputs, targets))
"""

from unstuck.testing.gradients import assert_gradients

__all__ = ["assert_gradients"]
