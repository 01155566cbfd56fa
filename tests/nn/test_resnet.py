import pytest
import torch

from unstuck.errors import ArgumentError
from unstuck.nn import architecture, check_sizes, summary
from unstuck.nn.resnet import BasicBlock, ResNet


@pytest.mark.parametrize("side", [1, 7, 8, 28])
def test_images_of_any_size_are_taken(side: int) -> None:
    model = ResNet(channels=(4, 8, 16), blocks=2).build((3, side, side), 10).eval()
    assert model(torch.randn(2, 3, side, side)).shape == (2, 10)
    assert check_sizes(model, torch.zeros(1, 3, side, side)) == ()


def test_twenty_layers_of_the_paper_have_its_parameters() -> None:
    model = architecture("resnet", blocks=3).build((3, 32, 32), 10)
    # Table 6 of He et al. gives 0.27 million and figures of about 41 million multiply-adds are usual.
    table = summary(model, torch.zeros(1, 3, 32, 32))
    assert table.parameters == pytest.approx(0.27e6, rel=0.02)
    assert table.multiply_adds == pytest.approx(41e6, rel=0.02)


def test_a_branch_of_zero_leaves_the_input() -> None:
    block = BasicBlock(4, 4, stride=1).eval()
    torch.nn.init.zeros_(block.branch[-1].weight)
    inputs = torch.rand(2, 4, 5, 5)
    assert torch.equal(block(inputs), inputs)


def test_tables_and_sizes_of_nothing_are_refused() -> None:
    with pytest.raises(ArgumentError, match="'resnet': needs images"):
        ResNet().build((64,), 10)
    with pytest.raises(ArgumentError, match="blocks=0"):
        ResNet(blocks=0)
