"""Where a program looks for anomalies, no frame of ours stands among those that autograd prints."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from unstuck.observe.torch_hooks import forward, patches


class Everything:
    """Listens, and looks into forward passes."""

    thread = updates_of = None
    spent = 0.0

    def __init__(self) -> None:
        self.calls: dict[Any, Any] = {F.relu: self.see}
        self.seen = 0

    def see(self, *_: Any, **__: Any) -> None:
        self.seen += 1

    backward_begins = scalars = function_failed = module_begins = module_ended = see

    def claims(self, module: object) -> bool:
        return False

    def failed(self, error: Exception) -> None:
        raise error


@pytest.fixture
def everything() -> Iterator[Everything]:
    listener = Everything()
    patches.listen(listener)
    forward.listen(listener)
    yield listener
    forward.unlisten(listener)
    patches.unlisten(listener)
    assert torch._C._len_torch_function_stack() == 0


SWITCHES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "detect": torch.autograd.detect_anomaly,
    "set": lambda: torch.autograd.set_detect_anomaly(True),
}


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled:UserWarning")
@pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES.keys())
def test_no_frame_of_ours_is_kept(everything: Everything, switch: Callable[[], AbstractContextManager[Any]]) -> None:
    with switch():
        loss = F.relu(torch.ones(2, requires_grad=True)).sum()
        frames = "".join(loss.grad_fn.metadata["traceback_"])
        assert __file__ in frames
        assert "unstuck/observe" not in frames
        loss.backward()
    assert not torch.is_anomaly_enabled()


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled:UserWarning")
def test_an_anomaly_is_told_as_it_is_without_us() -> None:
    def told() -> tuple[str, list[str]]:
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            with torch.autograd.detect_anomaly(), pytest.raises(RuntimeError) as caught:
                torch.sqrt(torch.zeros(1, requires_grad=True)).mul(0.0).sum().backward()
        frames = [frame.name for frame in traceback.extract_tb(caught.tb) if frame.filename == __file__]
        texts = [str(warning.message).split("Traceback", 1)[0] for warning in shown]
        lines = [line for w in shown for line in str(w.message).splitlines() if "unstuck/observe/" in line]
        assert not [line for line in lines if "/src/" in line]
        return str(caught.value), [*texts, *frames]

    expected = told()
    listener = Everything()
    patches.listen(listener)
    forward.listen(listener)
    try:
        assert told() == expected
    finally:
        forward.unlisten(listener)
        patches.unlisten(listener)
