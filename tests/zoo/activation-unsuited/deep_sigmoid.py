import os
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)


class DeepNet(nn.Module):
    def __init__(self, depth=7, width=40):
        super().__init__()
        blocks = [nn.Linear(64, width), nn.ReLU()]
        for _ in range(depth - 1):
            blocks += [nn.Linear(width, width), nn.ReLU()]
        self.body = nn.Sequential(*blocks)
        self.head = nn.Linear(width, 10)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.kaiming_normal_(m.weight)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.head(self.body(x))


x, y = load_digits(return_X_y=True)
x = torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32)
y = torch.tensor(y)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
model = DeepNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.008, momentum=0.8, weight_decay=1e-2)
for epoch in range(1, 16):
    losses = []
    for idx in torch.randperm(1350).split(27):
        loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 3 == 0:
        with torch.no_grad():
            out = model(x[1350:])
            vl = nn.functional.cross_entropy(out, y[1350:])
            va = (out.argmax(1) == y[1350:]).float().mean()
        print(
            f"epoch {epoch}: loss {sum(losses) / len(losses):.4f}, validation loss {vl:.4f}, validation accuracy {va:.4f}"
        )
