"""Initial weights: what to draw them from, and what they do to the signal.

How to choose: ``initialize(model)``. It looks at the activation after each layer and takes the scheme below. Read the
table that it returns.

=================================================  =====================================================
After the layer comes                              Take
=================================================  =====================================================
ReLU, leaky ReLU, GELU, SiLU, ELU                  ``"he"``
tanh, sigmoid, softmax, nothing                    ``"xavier"``
SELU                                               ``"lecun"``: N(0, 1/n)
the same layer again (recurrence)                  ``"orthogonal"``
a norm, whatever comes then                        any: the norm sets the scale; the scheme sets the step size
=================================================  =====================================================

``"small"``, N(0, 0.02^2), is what many Transformers use, whose norms make up for it. ``"normal"``, N(0, 1), and
``"zeros"`` are here to be compared with: ``compare_initialisations(model, batch).plot()`` shows why not.

If a trained network is stuck from the start, ``activation_statistics(model, batch)`` tells whether its signal dies,
explodes or saturates on the way.
"""

from unstuck.init.activations import Activation
from unstuck.init.compare import Comparison, compare_initialisations
from unstuck.init.initialize import initialize
from unstuck.init.schemes import SCHEMES, Scheme
from unstuck.init.statistics import ActivationStatistics, LayerStatistics, activation_statistics
from unstuck.init.table import InitRow, InitTable

__all__ = [
    "SCHEMES",
    "Activation",
    "ActivationStatistics",
    "Comparison",
    "InitRow",
    "InitTable",
    "LayerStatistics",
    "Scheme",
    "activation_statistics",
    "compare_initialisations",
    "initialize",
]
