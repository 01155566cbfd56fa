from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from unstuck.preflight import Subject, run_checks
from unstuck.preflight.consequences import EXPLAINS, placed
from unstuck.record.causes import CAUSES
from unstuck.record.checklist import Check

Make = Callable[..., Subject]
X = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))
Y = X[:, :3].argmax(dim=1)


def cross(name: str, cause: str) -> Check:
    return Check(code="P100", name=name, status="failed", reason="so it is", advice="mend it", cause=cause)


def test_a_cross_that_follows_is_a_remark_under_its_cause() -> None:
    first = cross("outputs fit", "output-activation-wrong")
    under = placed(cross("overfits 20 examples", "capacity-too-small"), [first])
    assert (under.status, under.cause, under.advice) == ("noted", "", "")
    assert "follows from outputs fit" in under.reason
    again = placed(cross("signal and gradient flow", "output-activation-wrong"), [first])
    assert again.status == "noted"


def test_a_cross_of_its_own_stays() -> None:
    first = cross("overfits 20 examples", "capacity-too-small")
    assert placed(cross("data", "data-non-finite"), [first]).status == "failed"
    passed = Check(code="P100", name="data", status="passed", reason="fine")
    assert placed(cross("gradients", "gradient-wrong"), [passed]).status == "failed"
    assert placed(passed, [first]) is passed


def test_the_table_names_causes_and_has_no_circles() -> None:
    known = set(CAUSES)
    for cause, follows in EXPLAINS.items():
        assert {cause, *follows} <= known
        assert not any(cause in EXPLAINS.get(other, ()) for other in follows)


def holed() -> Tensor:
    x = X.clone()
    x[3, 1] = torch.nan
    return x


FAULTS = {
    "holes": ({"data": (holed(), Y)}, "data"),
    "softmax": ({"model": nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3), nn.Softmax(1))}, "outputs fit"),
    "shape": ({"model": nn.Linear(9, 3)}, "outputs fit"),
    "raw": ({"data": (X * 300, Y)}, "data"),
    "sum": ({"loss": nn.CrossEntropyLoss(reduction="sum")}, "initial loss"),
    "broadcast": (
        {"model": nn.Linear(8, 1), "loss": functional.mse_loss, "data": (X, X[:, 0])},
        "outputs fit",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_is_one_cross(name: str, subject: Make) -> None:
    given, where = FAULTS[name]
    torch.manual_seed(0)
    checklist = run_checks(subject(**given))
    assert [check.name for check in checklist.failures] == [where], str(checklist)


def test_one_error_of_python_is_one_row(subject: Make) -> None:
    checklist = run_checks(subject(nn.Linear(9, 3)))
    assert sum("cannot be multiplied" in check.reason for check in checklist) == 1, str(checklist)
