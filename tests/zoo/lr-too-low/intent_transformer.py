import os
import random

import torch
import torch.nn as nn

SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

TEMPLATES = {
    "weather": ["will it {rain} in {city} {when}", "what is the weather like in {city} {when}", "is it {rain} {when}"],
    "travel": [
        "book a {ride} to {city} for {when}",
        "i need a {ride} from {city} {when}",
        "find me a {ride} to {city}",
    ],
    "alarm": ["wake me up {when}", "set an alarm for {when}", "remind me {when} to call"],
    "music": ["play some {genre} music", "put on {genre} for {when}", "i want to hear {genre}"],
    "food": ["order {dish} for {when}", "find a place with {dish} in {city}", "i want {dish} {when}"],
    "cancel": ["cancel my {ride} to {city}", "do not wake me up {when}", "cancel the {dish} for {when}"],
}
SLOTS = {
    "rain": ["rain", "snow", "storm", "freeze"],
    "city": ["paris", "oslo", "rome", "lima", "delhi", "cairo"],
    "when": ["tomorrow", "tonight", "on monday", "at noon", "next week", "in the morning"],
    "ride": ["train", "flight", "taxi", "bus"],
    "genre": ["jazz", "rock", "folk", "techno"],
    "dish": ["pizza", "sushi", "curry", "tacos", "soup"],
}
FILLER = ["please", "hey", "um", "so", "thanks", "now", "well"]
INTENTS = list(TEMPLATES)


def sentence():
    label = random.randrange(len(INTENTS))
    text = random.choice(TEMPLATES[INTENTS[label]])
    text = text.format(**{k: random.choice(v) for k, v in SLOTS.items()}).split()
    for _ in range(random.randrange(3)):
        text.insert(random.randrange(len(text) + 1), random.choice(FILLER))
    return text, label


corpus, seen = [], set()
while len(corpus) < 2400:
    words, label = sentence()
    if " ".join(words) not in seen:
        seen.add(" ".join(words))
        corpus.append((words, label))
vocab = {"<pad>": 0}
for words, _ in corpus:
    for w in words:
        vocab.setdefault(w, len(vocab))
MAXLEN = max(len(w) for w, _ in corpus)
ids = torch.zeros(len(corpus), MAXLEN, dtype=torch.long)
for i, (words, _) in enumerate(corpus):
    ids[i, : len(words)] = torch.tensor([vocab[w] for w in words])
labels = torch.tensor([l for _, l in corpus])
train_x, train_y, val_x, val_y = ids[:2000], labels[:2000], ids[2000:], labels[2000:]


class IntentModel(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.tok = nn.Embedding(len(vocab), d, padding_idx=0)
        self.pos = nn.Parameter(0.02 * torch.randn(1, MAXLEN, d))
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.1, batch_first=True)
        self.enc = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(d, len(INTENTS))

    def forward(self, x):
        pad = x == 0
        h = self.enc(self.tok(x) + self.pos, src_key_padding_mask=pad)
        h = h.masked_fill(pad.unsqueeze(-1), 0).sum(1) / (~pad).sum(1, keepdim=True)
        return self.head(h)


class Trainer:
    def __init__(self, model, lr=2e-3, epochs=12, batch_size=32):
        self.model, self.epochs, self.bs = model, epochs, batch_size
        self.opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
        steps = epochs * (len(train_x) // batch_size)
        warm = steps // 10
        self.sched = torch.optim.lr_scheduler.LambdaLR(
            self.opt, lambda s: min((s + 1) / warm, max(0.0, (steps - s) / (steps - warm)))
        )
        self.crit = nn.CrossEntropyLoss()

    def training_step(self, idx):
        loss = self.crit(self.model(train_x[idx]), train_y[idx])
        self.opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.opt.step()
        self.sched.step()
        return loss.item()

    def evaluate(self):
        self.model.eval()
        with torch.no_grad():
            out = self.model(val_x)
        return self.crit(out, val_y).item(), (out.argmax(-1) == val_y).float().mean().item()

    def train(self):
        for ep in range(self.epochs):
            self.model.train()
            perm = torch.randperm(len(train_x))
            n = len(train_x) // self.bs
            run = sum(self.training_step(perm[i * self.bs : (i + 1) * self.bs]) for i in range(n)) / n
            vl, va = self.evaluate()
            print(f"epoch {ep + 1:2d} train_loss {run:.4f} val_loss {vl:.4f} val_acc {va:.4f}", flush=True)


Trainer(IntentModel()).train()
