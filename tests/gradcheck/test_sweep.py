import torch
from torch import nn

from unstuck.gradcheck import check_gradients
from unstuck.gradcheck.sweep import STEPS


def test_the_error_against_the_step_is_a_v_with_the_chosen_step_at_its_bottom() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    found = check_gradients(model, nn.functional.cross_entropy, (torch.randn(3, 6), torch.tensor([0, 1, 2]))).sweep
    assert found is not None
    assert found.steps == STEPS == tuple(10.0**-p for p in range(3, 10))
    lowest = min(found.errors)
    assert found.errors[found.steps.index(found.chosen)] == lowest
    assert found.errors[0] > 100 * lowest, "curvature spoils large steps"
    assert found.errors[-1] > 100 * lowest, "rounding spoils small steps"


def test_a_linear_function_has_no_left_arm() -> None:
    found = check_gradients(lambda x: 3.0 * x, torch.randn(5, generator=torch.Generator().manual_seed(0))).sweep
    assert found is not None
    assert found.errors[0] < 1e-10
    assert found.chosen >= 1e-7


def test_a_wrong_gradient_gives_a_flat_curve_and_the_usual_step() -> None:
    def half(x: torch.Tensor) -> torch.Tensor:
        return x * x.detach()

    check = check_gradients(half, torch.linspace(1.0, 2.0, 5))
    assert check.verdict == "wrong"
    assert check.sweep is not None
    assert check.sweep.chosen == 1e-5


def test_tensors_in_which_the_function_is_linear_do_not_choose_the_step() -> None:
    def weighted(outputs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return (weights * outputs).sum()

    torch.manual_seed(0)
    narrow, norm = nn.Linear(6, 3), nn.LayerNorm(3)
    model = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), narrow, norm)
    with torch.no_grad():
        for x in (*narrow.parameters(), norm.weight):
            x.mul_(0.01)  # the norm divides by little, and so is much curved; what follows is linear
    found = check_gradients(model, weighted, (torch.randn(3, 6), torch.randn(3, 3)), inputs=False).sweep
    assert found is not None
    assert found.errors[0] > 1e-4
    assert found.chosen <= 1e-5
