"""The contract of an optimizer, as tests that any optimizer can be put through.

Subclass it in a test module, say how to make the optimizer, and pytest runs the contract::

    from unstuck.testing.optimizers import OptimizerContract


    class TestMyOptimizer(OptimizerContract):
        def make(self, params):
            return MyOptimizer(params, lr=0.05)

The suite needs nothing but ``torch.optim.Optimizer``'s interface, so torch's own optimizers pass it as well.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import StepLR

__all__ = ["ClosureContract", "OptimizerContract"]


class OptimizerContract:
    """What every optimizer owes its user. Override ``make``.

    Attributes:
        steps: How many steps the optimizer needs to divide the loss of a well-scaled quadratic by ten.
    """

    steps: int = 200

    def make(self, params: Any) -> Optimizer:
        """The optimizer under test, with a rate between 0.01 and 0.1."""
        raise NotImplementedError

    def advance(self, optimizer: Optimizer, loss: Callable[[], Tensor]) -> None:
        """One step on a loss, as a loop takes it."""
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    def train(self, params: Sequence[Tensor], optimizer: Optimizer, steps: range) -> None:
        """Some steps, each with a gradient of its own."""
        for step in steps:
            for p in params:
                p.grad = torch.sin(p.detach() + step)
            optimizer.step()

    def test_it_descends(self) -> None:
        """A quadratic with curvatures 1 and 2 is easy."""
        p = nn.Parameter(torch.tensor([2.0, -1.0]))
        optimizer = self.make([p])
        curvature = torch.tensor([1.0, 2.0])
        first = float((curvature * p.detach() ** 2).sum())
        for _ in range(self.steps):
            self.advance(optimizer, lambda: (curvature * p**2).sum())
        assert float((curvature * p.detach() ** 2).sum()) < first / 10

    def test_it_skips_parameters_without_gradient(self) -> None:
        """Neither the weight nor the state of such a parameter is touched."""
        used, unused = _parameters()[:2]
        before = unused.detach().clone()
        optimizer = self.make([used, unused])
        self.advance(optimizer, lambda: used.sum())
        assert torch.equal(unused.detach(), before)
        assert not torch.equal(used.detach(), _parameters()[0].detach())

    def test_all_kinds_of_tensors_move_alike(self) -> None:
        """Empty, 0-dimensional, non-contiguous and strided tensors are updated as contiguous ones are."""
        plain = nn.Parameter(torch.arange(1.0, 13.0).reshape(3, 4))
        others = [
            nn.Parameter(plain.detach().clone().t().contiguous().t()),
            nn.Parameter(torch.stack([plain.detach()] * 2, dim=-1)[..., 0]),
        ]
        empty, single = nn.Parameter(torch.empty(0, 3)), nn.Parameter(torch.tensor(1.0))
        everything = [plain, *others, empty, single]
        optimizer = self.make(everything)
        for _ in range(3):
            for p in everything:
                p.grad = torch.cos(p.detach()).contiguous()
            optimizer.step()
        for other in others:
            torch.testing.assert_close(other, plain)
        torch.testing.assert_close(single.detach(), plain.detach()[0, 0])

    def test_it_resumes_from_its_state(self) -> None:
        """A run that was saved and loaded ends where an uninterrupted one ends."""
        a = _parameters()
        optimizer = self.make(a)
        self.train(a, optimizer, range(5))
        b = [nn.Parameter(p.detach().clone()) for p in a]
        resumed = self.make(b)
        resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        self.train(a, optimizer, range(5, 10))
        self.train(b, resumed, range(5, 10))
        _assert_equal(a, b)

    def test_copies_and_pickles_go_on_alike(self) -> None:
        """``deepcopy`` and ``pickle`` keep the whole state."""
        a = _parameters()
        optimizer = self.make(a)
        self.train(a, optimizer, range(3))
        twins = [copy.deepcopy((a, optimizer)), pickle.loads(pickle.dumps((a, optimizer)))]
        self.train(a, optimizer, range(3, 6))
        for b, twin in twins:
            self.train(b, twin, range(3, 6))
            _assert_equal(a, b)

    def test_the_same_steps_give_the_same_bits(self) -> None:
        """Two runs from one start agree exactly."""
        a, b = _parameters(), _parameters()
        self.train(a, self.make(a), range(5))
        self.train(b, self.make(b), range(5))
        _assert_equal(a, b)

    def test_it_returns_what_the_closure_returns(self) -> None:
        """The closure runs with gradients on, also where they are off."""
        p = nn.Parameter(torch.tensor([3.0]))
        optimizer = self.make([p])

        def closure() -> float:
            optimizer.zero_grad()
            loss = (p**2).sum()
            loss.backward()
            return loss.item()

        with torch.no_grad():
            assert optimizer.step(closure) == 9.0
        assert p.item() < 3.0

    def test_hooks_fire(self) -> None:
        """Step hooks run before and after."""
        p = _parameters()[0]
        optimizer = self.make([p])
        seen: list[str] = []

        def note(word: str) -> Any:
            return lambda *_: seen.append(word)

        optimizer.register_step_pre_hook(note("before"))
        optimizer.register_step_post_hook(note("after"))
        p.grad = torch.ones_like(p)
        optimizer.step()
        assert seen == ["before", "after"]

    def test_groups_have_rates_of_their_own(self) -> None:
        """A group with rate 0 stands still; one that is added later moves."""
        still, moving, late = _parameters()[:3]
        optimizer = self.make([{"params": [still], "lr": 0.0}, {"params": [moving]}])
        optimizer.add_param_group({"params": [late]})
        self.train([still, moving, late], optimizer, range(2))
        start = _parameters()
        assert torch.equal(still, start[0])
        assert not torch.equal(moving, start[1])
        assert not torch.equal(late, start[2])

    def test_schedulers_take_effect(self) -> None:
        """A rate that a scheduler sets to zero stops the parameters."""
        p = _parameters()[:1]
        optimizer = self.make(p)
        scheduler = StepLR(optimizer, step_size=1, gamma=0.0)
        self.train(p, optimizer, range(1))
        scheduler.step()
        stopped = p[0].detach().clone()
        # momentum may carry on what earlier rates began, so only methods without such velocity must stand still
        if not any("velocity" in state for state in optimizer.state.values()):
            self.train(p, optimizer, range(1, 3))
            assert torch.equal(p[0].detach(), stopped)
        assert optimizer.param_groups[0]["lr"] == 0.0


class ClosureContract(OptimizerContract):
    """The same for a method whose step takes a closure that returns the loss, without ``backward()``."""

    def advance(self, optimizer: Optimizer, loss: Callable[[], Tensor]) -> None:
        """One step on a loss."""
        optimizer.step(cast("Any", loss))

    def train(self, params: Sequence[Tensor], optimizer: Optimizer, steps: range) -> None:
        """Some steps on a loss whose gradient is that of the other contract."""
        for step in steps:
            self.advance(optimizer, lambda step=step: torch.stack([-torch.cos(p + step).sum() for p in params]).sum())

    def test_all_kinds_of_tensors_move_alike(self) -> None:
        """Empty, 0-dimensional, non-contiguous and strided tensors are updated as contiguous ones are."""
        plain = nn.Parameter(torch.arange(1.0, 13.0).reshape(3, 4))
        others = [
            nn.Parameter(plain.detach().clone().t().contiguous().t()),
            nn.Parameter(torch.stack([plain.detach()] * 2, dim=-1)[..., 0]),
        ]
        empty, single = nn.Parameter(torch.empty(0, 3)), nn.Parameter(torch.tensor(1.0))
        everything = [plain, *others, empty, single]
        self.train(everything, self.make(everything), range(3))
        for other in others:
            torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(single.detach(), plain.detach()[0, 0], rtol=1e-4, atol=1e-4)

    def test_it_returns_what_the_closure_returns(self) -> None:
        """The closure runs with gradients on, also where they are off; the loss is that before the step."""
        p = nn.Parameter(torch.tensor([3.0]))
        optimizer = self.make([p])
        with torch.no_grad():
            assert float(optimizer.step(cast("Any", lambda: (p**2).sum()))) == 9.0
        assert p.item() < 3.0

    def test_hooks_fire(self) -> None:
        """Step hooks run before and after."""
        p = _parameters()[0]
        optimizer = self.make([p])
        seen: list[str] = []
        optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
        optimizer.register_step_post_hook(lambda *_: seen.append("after"))
        self.advance(optimizer, lambda: (p**2).sum())
        assert seen == ["before", "after"]


def _parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((3, 4), (5,), (2, 2))]


def _assert_equal(a: Sequence[Tensor], b: Sequence[Tensor]) -> None:
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True)), "the parameters differ"
