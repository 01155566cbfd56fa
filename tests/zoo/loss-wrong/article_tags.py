"""Suggest tags for short articles: every article carries one to four of eight tags."""

import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score
from torch.utils.data import DataLoader, Dataset, random_split

SEED = int(os.environ.get("SEED", 0))
VOCAB, TAGS, LENGTH = 400, 8, 40


class Articles(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        topical = rng.permutation(VOCAB)[: TAGS * 20].reshape(TAGS, 20)
        self.words = np.zeros((n, LENGTH), dtype=np.int64)
        self.tags = np.zeros((n, TAGS), dtype=np.float32)
        for k in range(n):
            chosen = rng.choice(TAGS, rng.integers(1, 5), replace=False)
            self.tags[k, chosen] = 1
            topic_words = topical[rng.choice(chosen, LENGTH), rng.integers(0, 20, LENGTH)]
            noise = rng.integers(0, VOCAB, LENGTH)
            self.words[k] = np.where(rng.random(LENGTH) < 0.5, topic_words, noise)

    def __len__(self):
        return len(self.words)

    def __getitem__(self, i):
        return torch.from_numpy(self.words[i]), torch.from_numpy(self.tags[i])


class TagModel(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.bag = nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 48), nn.GELU(), nn.Dropout(0.2), nn.Linear(48, TAGS))

    def forward(self, words):
        return self.mlp(self.bag(words))


def main():
    torch.manual_seed(SEED)
    train_set, test_set = random_split(Articles(6000, SEED), [5200, 800])
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=200)
    model = TagModel()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-4, weight_decay=0.02)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=8 * len(train_loader))

    for epoch in range(8):
        model.train()
        train_loss = 0.0
        for words, tags in train_loader:
            loss = criterion(model(words), tags)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            train_loss += loss.item() / len(train_loader)

        model.eval()
        val_loss, preds, truth = 0.0, [], []
        with torch.no_grad():
            for words, tags in test_loader:
                out = model(words)
                val_loss += criterion(out, tags).item() / len(test_loader)
                preds.append((torch.sigmoid(out) > 0.5).int())
                truth.append(tags.int())
        preds, truth = torch.cat(preds).numpy(), torch.cat(truth).numpy()
        exact = (preds == truth).all(1).mean()
        print(
            f"epoch {epoch + 1}: train {train_loss:.4f} val {val_loss:.4f} exact {exact:.3f} "
            f"micro-F1 {f1_score(truth, preds, average='micro', zero_division=0):.4f}"
        )


main()
