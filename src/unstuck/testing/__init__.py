"""Contract suites that others can hold their own parts against, and gradient checks as assertions.

The suites need pytest; ``assert_gradients`` needs nothing, and no plugin::

    def test_gradients():
        unstuck.testing.assert_gradients(model, loss, (inputs, targets))
"""

import sys

if (_pytest := sys.modules.get("pytest")) is not None:  # so that a failed assertion shows its values
    _pytest.register_assert_rewrite("unstuck.testing.optimizers", "unstuck.testing.rules")

from unstuck.testing.gradients import assert_gradients

__all__ = ["assert_gradients"]
