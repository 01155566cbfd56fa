import os

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class TorchLogistic(ClassifierMixin, BaseEstimator):
    """A small neural classifier with the interface of scikit-learn."""

    def __init__(self, hidden=8, alpha=1e-2, lr=0.01, epochs=30, batch_size=16, random_state=None):
        self.hidden = hidden
        self.alpha = alpha
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X, y):
        torch.manual_seed(self.random_state or 0)
        self.classes_ = np.unique(y)
        X = torch.as_tensor(X, dtype=torch.float32)
        y = torch.as_tensor(y, dtype=torch.float32)
        pos_weight = (y == 0).sum() / (y == 1).sum()
        self.net_ = torch.nn.Sequential(
            torch.nn.Linear(X.shape[1], self.hidden), torch.nn.ReLU(), torch.nn.Linear(self.hidden, 1)
        )
        loss_fn = torch.nn.BCEWithLogitsLoss(pos_weight=pos_weight)
        optimizer = torch.optim.Adam(self.net_.parameters(), lr=self.lr, weight_decay=self.alpha)
        self.history_ = []
        for _ in range(self.epochs):
            total = 0.0
            for rows in torch.randperm(len(X)).split(self.batch_size):
                optimizer.zero_grad()
                loss = loss_fn(self.net_(X[rows]).flatten(), y[rows])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            self.history_.append(total / len(X))
        return self

    def predict_proba(self, X):
        with torch.no_grad():
            p = torch.sigmoid(self.net_(torch.as_tensor(X, dtype=torch.float32))).numpy()
        return np.hstack([1 - p, p])

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]


torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=seed)
clf = make_pipeline(StandardScaler(), TorchLogistic(random_state=seed)).fit(X_train, y_train)
print("train loss by epoch:", np.round(clf[-1].history_[::6], 3))
print("AUC", round(roc_auc_score(y_test, clf.predict_proba(X_test)[:, 1]), 4))
print("accuracy", round(clf.score(X_test, y_test), 4))
