import os, random
import numpy as np
import torch
from torch import nn, optim
from sklearn.datasets import load_digits

SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)
torch.set_num_threads(1)


def get_data():
    d = load_digits()
    images = (d.data / 16.0).astype("float32")
    perm = np.random.permutation(len(images))
    images, target = images[perm], d.target[perm]
    return images[:1400], target[:1400], images[1400:], target[1400:]


def to_tensor(a):
    t = torch.from_numpy(np.ascontiguousarray(a))
    return t - 0.3


x_tr, y_tr, x_te, y_te = get_data()
model = nn.Sequential(
    nn.Linear(64, 48),
    nn.ReLU(),
    nn.Linear(48, 10),
)
opt = optim.SGD(model.parameters(), lr=0.1, momentum=0.5, weight_decay=1e-3)
lossfn = nn.CrossEntropyLoss()

for ep in range(30):
    losses = []
    perm = np.random.permutation(len(x_tr))
    for k in range(0, len(perm), 40):
        b = perm[k : k + 40]
        xb, yb = to_tensor(x_tr[b]), torch.from_numpy(y_tr[b])
        l = lossfn(model(xb), yb)
        opt.zero_grad()
        l.backward()
        opt.step()
        losses.append(l.item())
    if ep % 5 == 4:
        with torch.no_grad():
            p = model(to_tensor(x_te))
            print(
                "ep",
                ep + 1,
                "train loss: %.4f" % np.mean(losses),
                "test loss: %.4f" % lossfn(p, torch.from_numpy(y_te)).item(),
                "test accuracy: %.4f" % (p.argmax(1).numpy() == y_te).mean(),
            )
