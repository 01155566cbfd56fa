"""A classifier in a scikit-learn pipeline, as in skorch's quickstart."""

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

torch.manual_seed(0)
X, y = make_classification(2000, 20, n_informative=10, class_sep=2.0, random_state=0)
X, y = X.astype(np.float32), y.astype(np.int64)


class MyModule(nn.Module):
    def __init__(self, num_units=32):
        super().__init__()
        self.dense0 = nn.Linear(20, num_units)
        self.dense1 = nn.Linear(num_units, num_units)
        self.output = nn.Linear(num_units, 2)

    def forward(self, X):
        X = torch.relu(self.dense0(X))
        X = torch.relu(self.dense1(X))
        return torch.softmax(self.output(X), dim=-1)


net = NeuralNetClassifier(
    MyModule,
    max_epochs=15,
    lr=0.1,
    batch_size=64,
    iterator_train__shuffle=True,
    verbose=0,
)
pipe = Pipeline([("scale", StandardScaler()), ("net", net)])
pipe.fit(X, y)
print(net.history[-1, "train_loss"], net.history[-1, "valid_loss"], net.history[-1, "valid_acc"])
print(pipe.predict_proba(X[:3]))
