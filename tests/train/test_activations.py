import pytest

from unstuck.errors import RecipeError
from unstuck.train.activations import COMPARED, activation_variants, compare_activations, comparison_table
from unstuck.train.compared import Compared

SMALL = ["data.quick=true", "model={name='mlp', hidden=[16, 16, 16]}", "train.epochs=2", "init.weights='lecun'"]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Compared]:
    return list(compare_activations(activation_variants("mlp", overrides=SMALL), tmp_path_factory.mktemp("runs") / "c"))


def test_each_activation_is_trained_from_the_same_recipe(rows: list[Compared]) -> None:
    assert tuple(row.name for row in rows) == COMPARED
    recipes = [row.outcome.variant.recipe for row in rows]
    assert len({recipe.seed for recipe in recipes}) == 1
    assert all(len(row.losses) == 2 for row in rows)
    assert all(0 <= row.worth[-1] <= 1 for row in rows)


def test_the_gradient_fades_with_depth_behind_sigmoids_and_not_behind_rectifiers(rows: list[Compared]) -> None:
    faded = {row.name: row.gradients[0] / row.gradients[-1] for row in rows}
    assert all(len(row.gradients) == 4 for row in rows)
    assert faded["sigmoid"] < 0.1
    assert faded["sigmoid"] < 0.3 * faded["relu"]


def test_shares_are_given_where_they_mean_something(rows: list[Compared]) -> None:
    by_name = {row.name: row for row in rows}
    assert by_name["tanh"].saturated is not None
    assert by_name["relu"].saturated is None
    assert by_name["linear"].dead is None


def test_the_table_has_a_row_for_each(rows: list[Compared]) -> None:
    assert comparison_table(rows).row_count == len(COMPARED)


def test_a_model_without_a_choice_of_activation_is_refused() -> None:
    with pytest.raises(RecipeError, match="activation"):
        activation_variants("mlp", overrides=["model={name='linear'}"])
