import pytest
import torch

from unstuck.train.threads import threads


@pytest.mark.parametrize(("number", "wanted"), [(3, 3), ("auto", None)])
def test_as_many_as_were_asked_for_and_afterwards_as_before(number, wanted) -> None:
    before = torch.get_num_threads()
    with threads(number):
        assert torch.get_num_threads() == (wanted or before)
    assert torch.get_num_threads() == before
