"""Stars of a review: attention pooling over its words, its padding masked by the collate function's attention_mask."""
import os

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(int(os.environ.get("SEED", "0")))
VOCAB, PAD = 90, 0


class Reviews(Dataset):
    def __init__(self, n):
        self.items = []
        for _ in range(n):
            length = int(torch.randint(5, 31, ()))
            words = torch.randint(31, VOCAB, (length,))
            label = int(torch.randint(0, 3, ()))
            for place in torch.randperm(length)[:2]:
                words[place] = 1 + 10 * label + int(torch.randint(0, 10, ()))
            self.items.append({"input_ids": words, "label": label})

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(items):
    ids = nn.utils.rnn.pad_sequence([item["input_ids"] for item in items], batch_first=True, padding_value=PAD)
    return {"input_ids": ids, "attention_mask": (ids != PAD).long(), "labels": torch.tensor([item["label"] for item in items])}


class Classifier(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embeddings = nn.Embedding(VOCAB, dim)
        self.encode = nn.Sequential(nn.Linear(dim, dim), nn.ReLU())
        self.score, self.classifier = nn.Linear(dim, 1), nn.Linear(dim, 3)

    def forward(self, input_ids, attention_mask, labels=None):
        hidden = self.encode(self.embeddings(input_ids))
        scores = self.score(hidden).squeeze(-1)
        scores = scores + (1.0 - attention_mask.float()) * -10000.0
        weights = scores.softmax(dim=-1)
        logits = self.classifier((weights.unsqueeze(-1) * hidden).sum(dim=1))
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return {"loss": loss, "logits": logits}


train, test = DataLoader(Reviews(2400), 32, shuffle=True, collate_fn=collate), DataLoader(Reviews(400), 64, collate_fn=collate)
model = Classifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for epoch in range(6):
    model.train()
    for batch in train:
        outputs = model(**batch)
        outputs["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    with torch.no_grad():
        right = sum((model(**batch)["logits"].argmax(-1) == batch["labels"]).sum().item() for batch in test)
    print(f"epoch {epoch}: loss {outputs['loss'].item():.3f}, accuracy {right / 400:.3f}")
