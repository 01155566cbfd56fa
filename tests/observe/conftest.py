"""One sampled step without an observer: a model, collectors, the hooks through which they see it; and two ranks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.optim import SGD

from unstuck.observe.collectors.gradient_changes import GradientChanges
from unstuck.observe.collectors.registry import Collectors
from unstuck.observe.collectors.view import View
from unstuck.observe.torch_hooks import forward
from unstuck.observe.user_code.model_roots import Roots
from unstuck.record import facts

F = TypeVar("F", bound=facts.Fact)


class Watched:
    """Collectors that look at what is computed while it lasts.

    Args:
        model: The model; None: modules that hold one of the parameters are found as they are called.
        parameters: What the optimizer holds, if not the model's.
    """

    def __init__(self, model: nn.Module | None = None, parameters: Iterable[Tensor] = ()) -> None:
        held = list(parameters) or list(model.parameters() if model is not None else ())
        self.optimizer = SGD(held or [nn.Parameter(torch.ones(1))], lr=0.1)
        self.view = View(roots=Roots(self.optimizer))
        if model is not None:
            self.view.roots.add(model)
            self.view.named = dict(model.named_parameters())
        else:
            self.view.named = {f"p{i}": parameter for i, parameter in enumerate(held)}
        self.view.parameters = list(self.view.named.values())
        self.collectors = Collectors(self.view, adopting=model is None)

    def __enter__(self) -> Watched:
        self.collectors.begin(self.view.updates)
        forward.listen(self.collectors)
        return self

    def __exit__(self, *_: object) -> None:
        forward.unlisten(self.collectors)
        self.collectors.one(GradientChanges).release()  # an update may never come, which would end its looking

    def update(self) -> dict[str, Any]:
        """Make the update, and measure it: numbers by the keys of their signals."""
        self.collectors.tell("before_update", self.optimizer)
        self.optimizer.step()
        sample = self.collectors.measure(self.optimizer)
        self.view.updates += 1
        return {signal.key: value for signal, value in sample.items()}

    def facts(self, kind: type[F]) -> list[F]:
        """The new facts of a kind; those of other kinds are lost."""
        return [fact for fact in self.collectors.facts() if isinstance(fact, kind)]


@pytest.fixture
def watched() -> type[Watched]:
    return Watched


@pytest.fixture(autouse=True)
def same_tracebacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back how crashes are printed: ``init_process_group`` writes the rank before each line, for good."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.fixture
def two_ranks() -> Iterator[DeviceMesh]:
    """Two processes, of which this is the first, and whose collective calls end at once and move nothing."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    try:
        yield init_device_mesh("cpu", (2,), mesh_dim_names=("ranks",))
    finally:
        distributed.destroy_process_group()
