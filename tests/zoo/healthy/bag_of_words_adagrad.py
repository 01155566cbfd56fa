# which half of the manual does a sentence come from? bag of words, Adagrad
import os, re
from collections import Counter
import torch
from torch import nn
from pydoc_data.topics import topics

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

groups = {
    0: [
        "typesseq",
        "typesmapping",
        "strings",
        "string-methods",
        "bltin-null-object",
        "typesseq-mutable",
        "formatstrings",
    ],
    1: ["debugger", "import", "with", "try", "class", "function", "compound", "execmodel", "specialnames"],
    2: [
        "operator-summary",
        "binary",
        "bitwise",
        "comparisons",
        "numbers",
        "integers",
        "booleans",
        "assert",
        "assignment",
    ],
}
sents, labels = [], []
for g, names in groups.items():
    for n in names:
        for s in re.split(r"\n\n|\. ", topics.get(n, "")):
            w = re.findall(r"[a-z_]{2,}", s.lower())
            if len(w) > 6:
                sents.append(w)
                labels.append(g)
vocab = {w: i for i, (w, c) in enumerate(Counter(w for s in sents for w in s).most_common(800))}
X = torch.zeros(len(sents), len(vocab))
for i, s in enumerate(sents):
    for w in s:
        if w in vocab:
            X[i, vocab[w]] = 1.0
X = X / X.norm(dim=1, keepdim=True).clamp(min=1)
Y = torch.tensor(labels)
p = torch.randperm(len(Y))
cut = int(0.8 * len(Y))
tr, te = p[:cut], p[cut:]
print(len(Y), "sentences; majority", (torch.bincount(Y).max() / len(Y)).item())

model = nn.Linear(len(vocab), 3)
opt = torch.optim.Adagrad(model.parameters(), lr=0.15, weight_decay=4e-4)
lf = nn.CrossEntropyLoss()
for ep in range(25):
    tot = 0
    for b in tr[torch.randperm(len(tr))].split(32):
        opt.zero_grad()
        loss = lf(model(X[b]), Y[b])
        loss.backward()
        opt.step()
        tot += loss.item() * len(b) / len(tr)
    if ep % 5 == 4:
        with torch.no_grad():
            o = model(X[te])
            print(
                "ep", ep, "train %.3f test %.3f acc %.3f" % (tot, lf(o, Y[te]), (o.argmax(1) == Y[te]).float().mean())
            )
