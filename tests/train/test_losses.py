import torch

from unstuck.train.losses import LOSSES, loss_for


def test_each_loss_is_its_formula() -> None:
    outputs, classes, numbers = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2]), torch.randn(6, 3)
    entropy = -outputs.log_softmax(dim=1)[torch.arange(6), classes].mean()
    torch.testing.assert_close(LOSSES["cross-entropy"](outputs, classes), entropy)
    torch.testing.assert_close(LOSSES["squared-error"](outputs, numbers), (outputs - numbers).square().mean())


def test_each_task_has_its_loss() -> None:
    assert {loss_for("classification"), loss_for("regression")} == set(LOSSES)
