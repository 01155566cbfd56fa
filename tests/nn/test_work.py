import torch
from torch import nn

from unstuck.nn.work import counting, own_work


def test_each_module_has_the_work_that_is_done_outside_of_its_parts() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, 6), nn.ReLU())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x) @ torch.ones(6, 2)

    model = Net()
    with torch.no_grad(), counting() as counter:
        model(torch.ones(5, 4))
    assert own_work(counter, model, examples=5) == {"": 12, "inner.0": 24}


def test_the_fast_path_of_attention_is_put_back() -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    with counting():
        assert not torch.backends.mha.get_fastpath_enabled()
    assert torch.backends.mha.get_fastpath_enabled() == before
