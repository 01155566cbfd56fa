import os
import torch
from sklearn.datasets import make_circles

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
torch.set_num_threads(1)


class RingClassifier(torch.nn.Module):
    def __init__(self, width=20):
        super().__init__()
        self.first = torch.nn.Linear(2, width)
        self.second = torch.nn.Linear(width, width)
        self.third = torch.nn.Linear(width, 2)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        x = torch.tanh(self.second(x))
        return self.third(x)


def rings(n, state):
    pts, cls = make_circles(n, noise=0.08, factor=0.5, random_state=state)
    return torch.tensor(pts, dtype=torch.float32), torch.tensor(cls)


train_x, train_y = rings(1200, SEED)
val_x, val_y = rings(400, SEED + 100)
model = RingClassifier()
opt = torch.optim.Adam(model.parameters(), lr=0.005)
ce = torch.nn.CrossEntropyLoss()
for epoch in range(1, 31):
    for b in torch.randperm(1200).split(60):
        opt.zero_grad()
        ce(model(train_x[b]), train_y[b]).backward()
        opt.step()
    if epoch % 6 == 0:
        with torch.no_grad():
            lt = ce(model(train_x), train_y).item()
            lv = ce(model(val_x), val_y).item()
            acc = (model(val_x).argmax(1) == val_y).float().mean().item()
        print(f"epoch {epoch} - loss: {lt:.4f} - val_loss: {lv:.4f} - val_accuracy: {acc:.4f}")
