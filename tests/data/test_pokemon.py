import numpy as np

from unstuck.data import load


def test_least_squares_gives_the_published_line() -> None:
    data = load("pokemon", scale=False)
    x = data.train.inputs.double().numpy()
    design = np.hstack([np.ones_like(x), x])
    line, *_ = np.linalg.lstsq(design, data.train.targets.double().numpy(), rcond=None)
    np.testing.assert_allclose(line[:, 0], [-188.433197, 2.669455], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.cond(2 * design.T @ design), 313_418, rtol=1e-5)
