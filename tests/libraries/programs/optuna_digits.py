"""A study over small trainings, as in Optuna's example for PyTorch."""

import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
optuna.logging.set_verbosity(optuna.logging.WARNING)
x, y = load_digits(return_X_y=True)
order = torch.randperm(len(y))
x, y = torch.tensor(x / 16, dtype=torch.float32)[order], torch.tensor(y)[order]
train_loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=64, shuffle=True)
valid_loader = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=64)


def define_model(trial):
    units = trial.suggest_int("n_units", 32, 96, step=32)
    dropout = trial.suggest_float("dropout", 0.1, 0.3)
    return nn.Sequential(nn.Linear(64, units), nn.ReLU(), nn.Dropout(dropout), nn.Linear(units, 10))


def objective(trial):
    model = define_model(trial)
    lr = trial.suggest_float("lr", 2e-3, 1e-2, log=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(12):
        model.train()
        for data, target in train_loader:
            optimizer.zero_grad()
            output = model(data)
            loss = F.cross_entropy(output, target)
            loss.backward()
            optimizer.step()
        model.eval()
        correct = 0
        with torch.no_grad():
            for data, target in valid_loader:
                correct += (model(data).argmax(1) == target).sum().item()
        accuracy = correct / len(valid_loader.dataset)
        trial.report(accuracy, epoch)
    return accuracy


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(objective, n_trials=5)
print(study.best_value, study.best_params)
