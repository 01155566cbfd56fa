from __future__ import annotations

import torch

from unstuck.second_order import conjugate_gradients


def definite(size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return root @ root.T + torch.eye(size, dtype=torch.float64)


def test_it_solves() -> None:
    matrix, right = definite(20), torch.ones(20, dtype=torch.float64)
    solved = conjugate_gradients(lambda v: matrix @ v, right, progress=0.0)
    torch.testing.assert_close(matrix @ solved.solution, right)
    assert solved.downhill is None


def test_it_begins_where_it_is_told() -> None:
    matrix, right = definite(20), torch.ones(20, dtype=torch.float64)
    answer = torch.linalg.solve(matrix, right)
    solved = conjugate_gradients(lambda v: matrix @ v, right, start=answer)
    assert solved.rounds < conjugate_gradients(lambda v: matrix @ v, right).rounds
    torch.testing.assert_close(solved.solution, answer)


def test_it_ends_where_progress_ends() -> None:
    matrix = torch.diag(torch.logspace(0, 6, 300, dtype=torch.float64))
    right = torch.ones(300, dtype=torch.float64)
    rounds = [
        conjugate_gradients(lambda v: matrix @ v, right, progress=p, rounds=600).rounds for p in (0.1, 1e-2, 5e-4, 1e-6)
    ]
    assert rounds == sorted(set(rounds))
    assert rounds[0] < 20
    assert rounds[-2] < rounds[-1] == 600


def test_negative_curvature_is_given_back() -> None:
    matrix = torch.diag(torch.tensor([2.0, -1.0], dtype=torch.float64))
    solved = conjugate_gradients(lambda v: matrix @ v, torch.tensor([1.0, 1.0], dtype=torch.float64))
    assert solved.downhill is not None
    assert float(solved.downhill @ matrix @ solved.downhill) <= 0.0


def test_nothing_to_solve_takes_no_product() -> None:
    solved = conjugate_gradients(lambda v: v, torch.zeros(3))
    assert solved.rounds == 0
    assert not solved.solution.any()
