import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.nn.sequence import ClassesFirst, length_of


def test_losses_find_the_classes_where_torch_looks() -> None:
    scores, targets = torch.randn(2, 5, 7), torch.randint(7, (2, 5))
    loss = torch.nn.functional.cross_entropy(ClassesFirst()(scores), targets)
    torch.testing.assert_close(loss, -scores.log_softmax(2).gather(2, targets[..., None]).mean())


def test_only_sequences_have_a_length() -> None:
    assert length_of("lstm", (64,)) == 64
    with pytest.raises(ArgumentError, match=r"name='lstm': needs sequences .* got examples of shape \(1, 8, 8\)"):
        length_of("lstm", (1, 8, 8))
