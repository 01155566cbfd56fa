import argparse
import os
import torch
from torch import nn
from torch.distributions import Categorical
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=os.environ.get("SEED", "0"))
seed = ap.parse_args().seed
torch.manual_seed(seed)
torch.set_num_threads(1)

features, cultivar = load_wine(return_X_y=True)
features, cultivar = torch.tensor(scale(features), dtype=torch.float32), torch.tensor(cultivar)
perm = torch.randperm(len(features))
tr, va = perm[:125], perm[125:]


def log_likelihood(model, x, y):
    return Categorical(logits=model(x)).log_prob(y).mean()


model = nn.Sequential(nn.Linear(13, 8), nn.Tanh(), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=2e-3, maximize=True)
for epoch in range(40):
    for idx in tr[torch.randperm(125)].split(25):
        objective = log_likelihood(model, features[idx], cultivar[idx])
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            acc = (model(features[va]).argmax(1) == cultivar[va]).float().mean()
            print(
                f"epoch {epoch + 1} train {objective.item():.4f} val log-likelihood {log_likelihood(model, features[va], cultivar[va]):.4f} val accuracy {acc:.3f}"
            )
