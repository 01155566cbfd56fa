import os
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

# write the table as rows of text, as it comes from the hospital, and read it back
bunch = load_breast_cancer()
order = np.random.default_rng(seed).permutation(len(bunch.target))
rows = [",".join(f"{v:.6g}" for v in bunch.data[i]) + f",{bunch.target[i]}" for i in order]
table = np.array([[float(f) for f in r.split(",")] for r in rows], dtype=np.float32)
features = table[1:, :-1]
diagnosis = table[1:, -1]

features = (features - features.mean(0)) / features.std(0)
features = torch.from_numpy(features)
diagnosis = torch.from_numpy(diagnosis)
n = 420

w1 = torch.nn.Linear(30, 12)
w2 = torch.nn.Linear(12, 1)
params = list(w1.parameters()) + list(w2.parameters())
opt = torch.optim.Adam(params, lr=2e-3, weight_decay=1e-2)


def forward(x):
    return w2(F.relu(w1(x))).squeeze(1)


for step in range(300):
    i = torch.randint(0, n, (32,))
    loss = F.binary_cross_entropy_with_logits(forward(features[i]), diagnosis[i])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if (step + 1) % 50 == 0:
        with torch.no_grad():
            tr = F.binary_cross_entropy_with_logits(forward(features[:n]), diagnosis[:n])
            z = forward(features[n:])
            va = F.binary_cross_entropy_with_logits(z, diagnosis[n:])
            acc = ((z > 0).float() == diagnosis[n:]).float().mean()
        print("step %4d   train %.4f   val %.4f   val accuracy %.4f" % (step + 1, tr, va, acc))
