import pytest

from unstuck.errors import ArgumentError
from unstuck.nn import ARCHITECTURES, CNN, architecture


def test_names_in_the_table_are_those_of_the_architectures() -> None:
    assert all(architecture(name).name == name for name in ARCHITECTURES)


def test_sizes_are_handed_on() -> None:
    assert architecture("cnn", channels=(3,)) == CNN(channels=(3,))


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="name='mpl' is not known; did you mean 'mlp'"):
        architecture("mpl")
