"""How far simple learners tell targets from inputs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris

from unstuck.observe.collectors.associated import association

SETS = {"digits": load_digits, "iris": load_iris, "breast cancer": load_breast_cancer, "diabetes": load_diabetes}
generator = np.random.default_rng(0)


@pytest.mark.parametrize("name", SETS)
def test_real_targets_stand_out_and_shuffled_ones_do_not(name: str) -> None:
    inputs, targets = SETS[name](return_X_y=True)
    chosen = generator.permutation(len(inputs))[:600]
    inputs, targets = inputs[chosen].astype(float), targets[chosen].astype(float)
    found = association(inputs, targets)
    assert found is not None
    assert max(found.neighbours, found.linear) > 15
    for _ in range(5):
        shuffled = association(inputs, generator.permutation(targets))
        assert shuffled is not None
        assert max(shuffled.neighbours, shuffled.linear) < 5


def test_neighbours_tell_classes_and_explain_numbers() -> None:
    inputs = generator.uniform(-2, 2, size=(1000, 2))
    board = (np.floor(inputs).sum(axis=1) % 2).astype(float)
    classes, numbers = association(inputs, board), association(inputs, np.sin(inputs[:, 0] * 2))
    assert classes is not None
    assert classes.told is not None
    assert classes.told > 0.85
    assert numbers is not None
    assert numbers.told is None
    assert numbers.explained > 0.9


def test_equal_examples_are_no_neighbours() -> None:
    inputs = np.repeat(generator.normal(size=(150, 4)), 4, axis=0)
    targets = np.repeat(generator.integers(3, size=150), 4).astype(float)  # copies agree with each other alone
    found = association(inputs, targets)
    assert found is not None
    assert found.examples == 150
    assert max(found.neighbours, found.linear) < 5


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.zeros((500, 3)), generator.normal(size=500)),
        (generator.normal(size=(500, 3)), np.ones(500)),
        (generator.normal(size=(50, 3)), generator.normal(size=50)),
        (np.full((500, 3), np.nan), generator.normal(size=500)),
    ],
    ids=["constant inputs", "constant targets", "few", "not finite"],
)
def test_nothing_is_said_of_too_little(inputs: np.ndarray, targets: np.ndarray) -> None:
    assert association(inputs, targets) is None


generator_of_images = np.random.default_rng(1)


def images(number: int, side: int = 12) -> np.ndarray:
    """Blobs at random places, shape (number, side, side)."""
    grid = np.arange(side)
    centres = generator_of_images.uniform(2, side - 2, size=(number, 2, 1, 1))
    far = (grid[:, None] - centres[:, 0]) ** 2 + (grid - centres[:, 1]) ** 2
    return np.exp(-far / 4)


@pytest.mark.parametrize("many", [3, 200])
def test_targets_of_several_numbers_stand_out(many: int) -> None:
    inputs = generator.normal(size=(600, 10))
    targets = np.tanh(inputs @ generator.normal(size=(10, many))) + generator.normal(size=(600, many))
    found, shuffled = association(inputs, targets), association(inputs, generator.permutation(targets))
    assert found is not None
    assert shuffled is not None
    assert found.linear > 15
    assert max(shuffled.neighbours, shuffled.linear) < 5
    assert (found.numbers, found.told, np.isnan(found.explained)) == (many, None, True)


def test_what_depends_on_a_condition_is_found_with_it_alone() -> None:
    """The velocity of flow matching goes with the point early, and against it late."""
    start, end = generator.normal(size=(2, 800, 20))
    time = generator.uniform(size=(800, 1))
    point = (1 - time) * start + time * end
    found, without = association(point, end - start, conditions=time), association(point, end - start)
    assert found is not None
    assert without is not None
    assert found.linear > 15
    assert without.linear < 5


def test_what_stands_at_the_same_position_is_found_where_no_component_tells_it() -> None:
    noise = generator.normal(size=(400, 1, 32))
    noisy = noise + 3 * generator.normal(size=(400, 1, 32))
    inputs = generator.normal(size=(400, 256)) * 10
    for other in (noise, generator.permutation(noise)):
        alone = association(inputs, other[:, 0])
        assert alone is not None
        assert alone.linear < 5
    found = association(inputs, noise[:, 0], aligned=(noisy, noise))
    apart = association(inputs, noise[:, 0], aligned=(noisy, generator.permutation(noise)))
    assert found is not None
    assert apart is not None
    assert found.linear > 15
    assert apart.linear < 5


def test_a_class_at_each_position_is_found() -> None:
    pictures = images(500)
    labels = (pictures > 0.5).astype(float) + (pictures > 0.9)
    rows = pictures.reshape(500, -1), labels.reshape(500, -1)
    found = association(*rows, classes=True)
    apart = association(rows[0], generator.permutation(rows[1]), classes=True)
    assert found is not None
    assert apart is not None
    assert found.linear > 15
    assert max(apart.neighbours, apart.linear) < 5


def test_outliers_of_a_target_do_not_decide() -> None:
    inputs = generator.normal(size=(600, 5))
    targets = np.column_stack([inputs[:, 0], generator.standard_cauchy(size=600) ** 3])
    found = association(inputs, targets)
    assert found is not None
    assert found.linear > 15
