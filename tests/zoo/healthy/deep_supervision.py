import os
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


class Supervised(nn.Module):
    def __init__(self, width=32, depth=3):
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.stages = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU()) for _ in range(depth)]
        )
        self.heads = nn.ModuleList([nn.Linear(width, 10) for _ in range(depth)])

    def forward(self, x):
        h, outs = F.relu(self.stem(x)), []
        for stage, head in zip(self.stages, self.heads):
            h = stage(h)
            outs.append(head(h))
        return outs


d = load_digits()
x, y = torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target)
p = torch.randperm(len(x))
loader = DataLoader(TensorDataset(x[p[:1408]], y[p[:1408]]), batch_size=32, shuffle=True)
xv, yv = x[p[1408:]], y[p[1408:]]
model = Supervised()
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 8)
weights = (0.2, 0.3, 1.0)
for epoch in range(8):
    model.train()
    parts = torch.zeros(3)
    for xb, yb in loader:
        losses = [F.cross_entropy(o, yb, label_smoothing=0.05) for o in model(xb)]
        total = sum(w * l for w, l in zip(weights, losses))
        opt.zero_grad()
        total.backward()
        opt.step()
        parts += torch.stack(losses).detach() / len(loader)
    sched.step()
    model.eval()
    with torch.no_grad():
        outs = model(xv)
    val = [F.cross_entropy(o, yv, label_smoothing=0.05).item() for o in outs]
    print(
        epoch,
        "train",
        [round(v, 3) for v in parts.tolist()],
        "val",
        [round(v, 3) for v in val],
        "last %.4f" % (outs[-1].argmax(1) == yv).float().mean(),
    )
