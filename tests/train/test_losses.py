import torch

from unstuck.train.losses import LOSSES, LOSSES_OF, loss_for


def test_each_loss_is_its_formula() -> None:
    outputs, classes, numbers = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2]), torch.randn(6, 3)
    entropy = -outputs.log_softmax(dim=1)[torch.arange(6), classes].mean()
    torch.testing.assert_close(LOSSES["cross-entropy"](outputs, classes), entropy)
    torch.testing.assert_close(LOSSES["squared-error"](outputs, numbers), (outputs - numbers).square().mean())


def test_margin_is_summed_over_the_wrong_classes() -> None:
    outputs, classes = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    divided = torch.nn.functional.multi_margin_loss(outputs, classes)
    torch.testing.assert_close(LOSSES["weston-watkins"](outputs, classes), 3 * divided)


def test_two_classes_under_cross_entropy_are_binary_cross_entropy() -> None:
    outputs, classes = torch.randn(6, 2), torch.tensor([0, 1, 1, 0, 1, 0])
    binary = torch.nn.functional.binary_cross_entropy_with_logits(outputs[:, 1] - outputs[:, 0], classes.float())
    torch.testing.assert_close(LOSSES["cross-entropy"](outputs, classes), binary)


def test_one_output_for_two_classes_is_two_whose_first_is_zero() -> None:
    outputs, classes = torch.randn(6, 1), torch.tensor([0, 1, 1, 0, 1, 0])
    both = torch.cat([torch.zeros(6, 1), outputs], dim=1)
    torch.testing.assert_close(LOSSES["binary-cross-entropy"](outputs, classes), LOSSES["cross-entropy"](both, classes))


def test_each_loss_fits_one_task_and_each_task_has_a_usual_one() -> None:
    assert sorted(name for names in LOSSES_OF.values() for name in names) == sorted(LOSSES)
    assert (loss_for("classification"), loss_for("regression")) == ("cross-entropy", "squared-error")
