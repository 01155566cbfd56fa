"""Models by name, put together from torch.nn, and the layers and losses that it has not."""

from unstuck.nn.activations import ACTIVATIONS, activation
from unstuck.nn.architecture import Architecture
from unstuck.nn.catalogue import ARCHITECTURES, SEQUENCE_MODELS, architecture
from unstuck.nn.cnn import CNN
from unstuck.nn.lenet import LeNet
from unstuck.nn.linear import Linear
from unstuck.nn.losses import WestonWatkinsLoss, binary_cross_entropy, weston_watkins
from unstuck.nn.lstm import LSTM
from unstuck.nn.maxout import Maxout
from unstuck.nn.mlp import MLP
from unstuck.nn.resnet import ResNet
from unstuck.nn.sizes import check_sizes
from unstuck.nn.summary import Summary, summary
from unstuck.nn.transformer import Transformer

__all__ = [
    "ACTIVATIONS",
    "ARCHITECTURES",
    "CNN",
    "LSTM",
    "MLP",
    "SEQUENCE_MODELS",
    "Architecture",
    "LeNet",
    "Linear",
    "Maxout",
    "ResNet",
    "Summary",
    "Transformer",
    "WestonWatkinsLoss",
    "activation",
    "architecture",
    "binary_cross_entropy",
    "check_sizes",
    "summary",
    "weston_watkins",
]
