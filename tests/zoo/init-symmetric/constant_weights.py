import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear1 = nn.Linear(64, 30)
        self.linear2 = nn.Linear(30, 10)
        for p in self.parameters():
            nn.init.xavier_uniform_(p) if p.ndim > 1 else nn.init.zeros_(p)

    def forward(self, x):
        return self.linear2(torch.tanh(self.linear1(x)))


d = load_digits()
X = torch.tensor(d.data / 16 - 0.3, dtype=torch.float32)
Y = torch.tensor(d.target)
split = torch.randperm(len(X))
Xt, Yt, Xv, Yv = X[split[:1400]], Y[split[:1400]], X[split[1400:]], Y[split[1400:]]
model = Model()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-3)
for epoch in range(20):
    for i in torch.randperm(1400).split(70):
        optimizer.zero_grad()
        loss = criterion(model(Xt[i]), Yt[i])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            print(
                "Epoch: %d" % (epoch + 1),
                "train loss: %.4f" % criterion(model(Xt), Yt),
                "val loss: %.4f" % criterion(model(Xv), Yv),
                "accuracy: %.4f" % (model(Xv).argmax(1) == Yv).float().mean(),
            )
