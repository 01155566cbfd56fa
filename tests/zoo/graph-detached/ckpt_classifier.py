"""Fine-tune a pre-trained encoder with frozen embeddings and gradient checkpointing: which grammar is it?"""
import os
import warnings

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

warnings.filterwarnings("ignore")
torch.manual_seed(int(os.environ.get("SEED", 0)))
V, T, D = 20, 24, 48


def tables(seed, n):
    g = torch.Generator().manual_seed(seed)
    return torch.softmax(1.2 * torch.randn(n, V, V, generator=g), dim=2)


def strings(table, kind):
    ids = torch.randint(V, (len(kind), 1))
    for _ in range(T - 1):
        ids = torch.cat([ids, torch.multinomial(table[kind, ids[:, -1]], 1)], dim=1)
    return ids


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(V, D)
        self.position = nn.Parameter(0.02 * torch.randn(T, D))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(D, 4, 2 * D, dropout=0.0, batch_first=True) for _ in range(3)
        )
        self.gradient_checkpointing = False

    def forward(self, ids):
        h = self.embed(ids) + self.position
        for layer in self.layers:
            if self.gradient_checkpointing and self.training:
                h = checkpoint(layer, h, use_reentrant=False)
            else:
                h = layer(h)
        return h.mean(dim=1)


class Classifier(nn.Module):
    def __init__(self, encoder, classes):
        super().__init__()
        self.encoder = encoder
        self.out = nn.Linear(D, classes)

    def forward(self, ids):
        return self.out(self.encoder(ids))


def run(model, opt, table, steps, tag):
    model.train()
    for step in range(1, steps + 1):
        kind = torch.randint(len(table), (32,))
        loss = F.cross_entropy(model(strings(table, kind)), kind)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            model.eval()
            with torch.no_grad():
                kind = torch.randint(len(table), (400,))
                acc = (model(strings(table, kind)).argmax(1) == kind).float().mean()
            model.train()
            print(f"{tag} {step} loss {loss.item():.3f} acc {acc:.3f}")


encoder = Encoder()
first = Classifier(encoder, 4)
run(first, torch.optim.Adam(first.parameters(), lr=1e-3), tables(0, 4), 250, "source")

model = Classifier(encoder, 6)
encoder.gradient_checkpointing = True
encoder.embed.requires_grad_(False)
encoder.position.requires_grad_(False)
opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-4)
run(model, opt, tables(7, 6), 300, "target")
