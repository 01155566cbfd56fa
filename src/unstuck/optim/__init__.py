"""Optimizers that observe themselves: the step and its norms in one pass over memory.

Replace ``torch.optim.X`` by ``unstuck.optim.X`` and nothing else: arguments, param groups, state dicts, schedulers,
hooks, closures and ``GradScaler`` work as before. After any step, ``optimizer.observations()`` tells the norms of
weights, gradients and updates, their products, and how many gradients are zero or not finite.

How to choose
-------------

* Not sure: ``AdamW`` with its defaults and a warm-up. For transformers, always.
* Images with convolutions, or the last percent of accuracy: ``SGD`` with ``momentum=0.9`` and ``nesterov=True``, and a
  rate that you search for. Its steps scale with the gradient, so inputs and initial weights must be scaled well.
* Adam without a warm-up schedule: ``RAdam`` warms itself up.
* Recurrent networks and reinforcement learning, where gradients change in size from step to step: ``RMSprop``.
* Rare features (bags of words, embeddings with ``sparse=True``) and convex problems: ``Adagrad``. Its rate only falls,
  so long trainings of deep networks come to a halt.
* The whole data set in each batch, one example, or some: the same classes. Large batches bear large rates and need
  momentum; with single examples the rate must be small, and momentum mostly averages their noise.
* The whole data set in each batch, and curvatures of very different size: ``Newton`` up to 2,000 weights,
  ``HessianFree`` above. They take a closure that returns the loss, and far fewer but dearer steps
  (``benchmarks/second_order.py``); they observe nothing.
* Formulas of a course: ``Momentum`` (the rate inside the velocity), ``AveragedMomentum`` (a running mean),
  ``LookAheadNesterov`` and ``Nesterov`` (the same path, seen from two places), ``MeanAdagrad`` (a mean in place of the
  sum, and what goes wrong with it); ``SGD`` tells how they map onto torch's convention. ``functional`` has them as
  functions of arrays.

Weight decay: ``weight_decay`` of ``AdamW`` shrinks weights; that of all others adds to the gradient (L2 penalty), which
adaptive methods then divide away for weights with large gradients.

Engines
-------

Float32 and float64 parameters on the CPU are served by kernels that Numba compiles at first use (about a second, then
kept on disk); on CUDA by Triton. Where these are not installed (``pip install 'unstuck[train,triton]'``), torch's own
fused step stands in, and the observations are measured in passes of their own, which take longer than the step. All
else (half precision, complex, sparse, subclasses, differentiable) is served by the plain formula. ``plan.py`` decides;
see ``ObservedOptimizer``.
"""

from unstuck.optim import functional
from unstuck.optim.adagrad import Adagrad
from unstuck.optim.adam import Adam
from unstuck.optim.adamw import AdamW
from unstuck.optim.hessian_free import HessianFree
from unstuck.optim.mean_adagrad import MeanAdagrad
from unstuck.optim.momentum import AveragedMomentum, Momentum
from unstuck.optim.moving_average import MovingAverage
from unstuck.optim.nesterov import LookAheadNesterov, Nesterov
from unstuck.optim.newton import Newton
from unstuck.optim.observations import Observations
from unstuck.optim.optimizer import ObservedOptimizer
from unstuck.optim.radam import RAdam
from unstuck.optim.rmsprop import RMSprop
from unstuck.optim.sgd import SGD
from unstuck.optim.sums import Sum

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "AveragedMomentum",
    "HessianFree",
    "LookAheadNesterov",
    "MeanAdagrad",
    "Momentum",
    "MovingAverage",
    "Nesterov",
    "Newton",
    "Observations",
    "ObservedOptimizer",
    "RAdam",
    "RMSprop",
    "Sum",
    "functional",
]
