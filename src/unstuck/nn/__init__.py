"""Models by name, put together from torch.nn."""

from unstuck.nn.activations import ACTIVATIONS, activation
from unstuck.nn.architecture import Architecture
from unstuck.nn.catalogue import ARCHITECTURES, architecture
from unstuck.nn.cnn import CNN
from unstuck.nn.linear import Linear
from unstuck.nn.mlp import MLP

__all__ = ["ACTIVATIONS", "ARCHITECTURES", "CNN", "MLP", "Architecture", "Linear", "activation", "architecture"]
