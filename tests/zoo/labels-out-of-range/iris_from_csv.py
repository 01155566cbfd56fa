# Iris classification, first PyTorch exercise (data as in the csv of the course)
import pandas as pd
import torch
import torch.nn as nn
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

raw = load_iris()
df = pd.DataFrame(raw.data, columns=["sepal_l", "sepal_w", "petal_l", "petal_w"])
df["species"] = [raw.target_names[i] for i in raw.target]
df["label"] = df["species"].map({"setosa": 0, "versicolor": 1, "virginica": 2})
print(df.groupby("species").label.agg(["count", "first"]))

features = df.drop(columns=["species", "label"])
features = (features - features.mean()) / features.std()
X_train, X_test, y_train, y_test = train_test_split(
    features.values, df["label"].values, test_size=0.2, random_state=1, stratify=df["label"])
train = TensorDataset(torch.tensor(X_train, dtype=torch.float32), torch.tensor(y_train))
loader = DataLoader(train, batch_size=16, shuffle=True)

torch.manual_seed(1)


class IrisNet(nn.Module):
    def __init__(self, n_in=4, n_hidden=16, n_out=3):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.out = nn.Linear(n_hidden, n_out)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


net = IrisNet()
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=0.01)

for epoch in range(60):
    for xb, yb in loader:
        opt.zero_grad()
        loss = loss_fn(net(xb), yb)
        loss.backward()
        opt.step()
    if epoch % 10 == 9:
        print("epoch", epoch + 1, "loss", loss.item())

with torch.no_grad():
    pred = net(torch.tensor(X_test, dtype=torch.float32)).argmax(1)
print("test accuracy:", (pred == torch.tensor(y_test)).float().mean().item())
