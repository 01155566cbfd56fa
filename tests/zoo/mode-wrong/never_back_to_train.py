import os
import torch
import torch.nn as nn
from sklearn.datasets import load_wine

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

x, y = load_wine(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
xt, yt, xv, yv = x[:120], y[:120], x[120:], y[120:]

net = nn.Sequential(nn.BatchNorm1d(13), nn.Linear(13, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.5, weight_decay=1e-3)


def validate():
    net.eval()
    with torch.no_grad():
        out = net(xv)
        return loss_fn(out, yv).item(), (out.argmax(1) == yv).float().mean().item()


print("untrained: loss %.3f, accuracy %.3f" % validate())
for epoch in range(30):
    net.train()
    total = 0.0
    for b in torch.randperm(120).split(20):
        optimizer.zero_grad()
        loss = loss_fn(net(xt[b]), yt[b])
        loss.backward()
        optimizer.step()
        total += loss.item() / 6
    vl, va = validate()
    if epoch % 5 == 4:
        print(f"epoch={epoch + 1} loss={total:.4f} val_loss={vl:.4f} val_acc={va:.4f}")
