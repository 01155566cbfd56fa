import os
import torch
from sklearn.datasets import load_digits

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


class TwoLayer(torch.nn.Module):
    def __init__(self, D_in, H, D_out):
        super().__init__()
        self.linear1 = torch.nn.Linear(D_in, H)
        self.linear2 = torch.nn.Linear(H, D_out)

    def forward(self, x):
        h_relu = self.linear1(x).clamp(min=0)
        return self.linear2(h_relu)


d = load_digits()
X, Y = torch.tensor(d.data, dtype=torch.float32) / 16, torch.tensor(d.target)
perm = torch.randperm(len(X))
X, Y = X[perm], Y[perm]
N_TRAIN = 1400
model = TwoLayer(64, 50, 10)
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
for t in range(900):
    batch = torch.randint(0, N_TRAIN, (40,))
    y_pred = model(X[batch])
    loss = criterion(y_pred, Y[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if t % 150 == 149:
        with torch.no_grad():
            train, val = model(X[:N_TRAIN]), model(X[N_TRAIN:])
        print(
            t + 1,
            "train loss: %.4f" % criterion(train, Y[:N_TRAIN]),
            "validation loss: %.4f" % criterion(val, Y[N_TRAIN:]),
            "validation accuracy: %.4f" % (val.argmax(1) == Y[N_TRAIN:]).float().mean(),
        )
