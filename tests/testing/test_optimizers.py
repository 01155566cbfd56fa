"""Every optimizer passes the contract, and so do torch's; a broken one does not."""

from __future__ import annotations

import pytest
import torch

import unstuck.optim as ours
from unstuck.testing.optimizers import ClosureContract, OptimizerContract

MAKERS = {
    "SGD": lambda p, **e: ours.SGD(p, lr=0.05, **e),
    "SGD-momentum": lambda p, **e: ours.SGD(p, lr=0.02, momentum=0.9, **e),
    "Momentum": lambda p, **e: ours.Momentum(p, lr=0.02, **e),
    "AveragedMomentum": lambda p, **e: ours.AveragedMomentum(p, lr=0.1, **e),
    "Nesterov": lambda p, **e: ours.Nesterov(p, lr=0.02, **e),
    "LookAheadNesterov": lambda p, **e: ours.LookAheadNesterov(p, lr=0.02, **e),
    "Adagrad": lambda p, **e: ours.Adagrad(p, lr=0.1, **e),
    "MeanAdagrad": lambda p, **e: ours.MeanAdagrad(p, lr=0.02, **e),
    "RMSprop": lambda p, **e: ours.RMSprop(p, lr=0.02, **e),
    "Adam": lambda p, **e: ours.Adam(p, lr=0.05, **e),
    "AdamW": lambda p, **e: ours.AdamW(p, lr=0.05, **e),
    "RAdam": lambda p, **e: ours.RAdam(p, lr=0.05, **e),
}


# The contract is an ordinary loop, which looks nowhere ahead.
@pytest.mark.filterwarnings("ignore:LookAheadNesterov.step")
@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("engine", ["torch", "numba", "fused"])
class TestOurs(OptimizerContract):
    @pytest.fixture(autouse=True)
    def _choose(self, name, engine):
        self.make = lambda params: MAKERS[name](params, engine=engine)


@pytest.mark.parametrize("name", ["Newton", "HessianFree"])
class TestSecondOrder(ClosureContract):
    @pytest.fixture(autouse=True)
    def _choose(self, name):
        self.make = lambda params: getattr(ours, name)(params)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
class TestTorchs(OptimizerContract):
    @pytest.fixture(autouse=True)
    def _choose(self, name):
        self.make = lambda params: getattr(torch.optim, name)(params, lr=0.05)


class Forgetful(torch.optim.SGD):
    """Loses its momentum when it is saved."""

    def state_dict(self):
        return {**super().state_dict(), "state": {}}


class Climbing(torch.optim.SGD):
    def __init__(self, params, **options):
        super().__init__(params, maximize=True, **options)


@pytest.mark.parametrize(
    ("broken", "test"), [(Forgetful, "test_it_resumes_from_its_state"), (Climbing, "test_it_descends")]
)
def test_the_contract_catches(broken, test):
    suite = OptimizerContract()
    suite.make = lambda params: broken(params, lr=0.05, momentum=0.9)
    with pytest.raises(AssertionError):
        getattr(suite, test)()


def test_a_failure_shows_its_values():
    suite = OptimizerContract()
    suite.make = lambda params: Climbing(params, lr=0.05)
    with pytest.raises(AssertionError, match=r"assert \S+ < \("):
        suite.test_it_descends()
