"""Classes of nodes by a graph network, as in PyTorch Geometric's introduction by example."""

import torch
import torch.nn.functional as F
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv
from torch_geometric.utils import stochastic_blockmodel_graph

torch.manual_seed(0)
sizes = [200, 200, 200, 200]
within, between = 0.03, 0.004
edge_index = stochastic_blockmodel_graph(
    sizes, [[within if i == j else between for j in range(4)] for i in range(4)], directed=False
)
y = torch.arange(4).repeat_interleave(200)
x = torch.randn(800, 32) + 0.5 * torch.randn(4, 32)[y]
train_mask = torch.rand(800) < 0.3
data = Data(x=x, edge_index=edge_index, y=y, train_mask=train_mask, test_mask=~train_mask)


class GCN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = GCNConv(32, 16)
        self.conv2 = GCNConv(16, 4)

    def forward(self, data):
        x, edge_index = data.x, data.edge_index
        x = self.conv1(x, edge_index)
        x = F.relu(x)
        x = F.dropout(x, training=self.training)
        x = self.conv2(x, edge_index)
        return F.log_softmax(x, dim=1)


model = GCN()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
model.train()
for _epoch in range(200):
    optimizer.zero_grad()
    out = model(data)
    loss = F.nll_loss(out[data.train_mask], data.y[data.train_mask])
    loss.backward()
    optimizer.step()

model.eval()
pred = model(data).argmax(dim=1)
correct = (pred[data.test_mask] == data.y[data.test_mask]).sum()
print(f"Loss: {loss.item()} Accuracy: {int(correct) / int(data.test_mask.sum())}")
