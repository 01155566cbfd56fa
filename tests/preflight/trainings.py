"""Sound trainings of many kinds, small, as somebody would describe them to ``unstuck check``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Adam, AdamW

Parts = tuple[nn.Module, Any, Any, torch.optim.Optimizer]


def cnn() -> Parts:
    x = torch.randn(120, 1, 12, 12)
    y = (x[:, 0, :6].mean((1, 2)) > x[:, 0, 6:].mean((1, 2))).long()
    x[y == 1] += 0.3
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 2)),
    )
    return model, nn.CrossEntropyLoss(), (x, y), Adam(model.parameters(), 1e-3)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(20, 16), nn.LSTM(16, 32, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, ids: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.embed(ids))
        return self.head(hidden[:, -1])


def lstm() -> Parts:
    model, ids = Recurrent(), torch.randint(20, (160, 6))
    return model, nn.CrossEntropyLoss(), (ids, (ids[:, -1] > 9).long()), Adam(model.parameters(), 3e-3)


class Causal(nn.Module):
    def __init__(self, words: int = 24, width: int = 32) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(words, width), nn.Parameter(0.02 * torch.randn(16, width))
        layer = nn.TransformerEncoderLayer(width, 2, 64, dropout=0.1, batch_first=True)
        self.body, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(width, words)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        return self.head(self.body(self.embed(ids) + self.place[:length], mask=mask, is_causal=True))


def language_model() -> Parts:
    start = torch.randint(24, (64, 1))
    ids = (start + 3 * torch.arange(11)) % 24
    model = Causal()
    loss = lambda o, t: functional.cross_entropy(o.reshape(-1, o.shape[-1]), t.reshape(-1))
    return model, loss, (ids[:, :-1], ids[:, 1:]), AdamW(model.parameters(), 1e-3)


def regression() -> Parts:
    x = torch.randn(200, 6)
    y = (x[:, :1] * x[:, 1:2]).sin() + 0.1 * torch.randn(200, 1)
    model = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 1))
    return model, nn.MSELoss(), (x, y), SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-4)


def multi_label() -> Parts:
    x = torch.randn(160, 10)
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 5))
    return model, nn.BCEWithLogitsLoss(), (x, (x[:, :5] + x[:, 5:] > 0).float()), AdamW(model.parameters(), 1e-3)


class Variational(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(20, 8), nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 20))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = self.encode(x).chunk(2, dim=1)
        return self.decode(mean + torch.randn_like(mean) * (log_variance / 2).exp()), mean, log_variance


def elbo(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    pixels, mean, log_variance = outputs
    recon = functional.binary_cross_entropy_with_logits(pixels, x, reduction="sum") / len(x)
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
    return recon + divergence


def pixels(count: int = 128) -> Tensor:
    return torch.sigmoid(torch.randn(count, 4) @ torch.randn(4, 20) * 1.5)


def vae() -> Parts:
    model, x = Variational(), pixels()
    return model, elbo, (x, x), Adam(model.parameters(), 1e-3)


class Tagger(nn.Module):
    """As those of Hugging Face: keywords in, a loss beside the logits out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(30, 32), nn.Linear(32, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> dict[str, Any]:
        weights = attention_mask[..., None].float()
        logits = self.out((self.embed(input_ids) * weights).sum(1) / weights.sum(1))
        loss = None if labels is None else functional.cross_entropy(logits, labels)
        return {"loss": loss, "logits": logits}


def records() -> list[dict[str, Tensor]]:
    ids = torch.randint(30, (128, 7))
    mask = torch.ones(128, 7, dtype=torch.int64)
    rows = {"input_ids": ids, "attention_mask": mask, "labels": (ids[:, :3].sum(1) // 30).clamp(max=2)}
    return [{key: value[i : i + 32] for key, value in rows.items()} for i in range(0, 128, 32)]


def dict_batch() -> Parts:
    model = Tagger()
    return model, None, records(), AdamW(model.parameters(), 1e-3)


def dict_batch_with_a_loss() -> Parts:
    model = Tagger()
    loss = lambda outputs, labels: functional.cross_entropy(outputs["logits"], labels)
    return model, loss, records(), AdamW(model.parameters(), 1e-3)


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (self.tower(a) - self.tower(b)).norm(dim=1)


def pairs() -> tuple[Tensor, Tensor, Tensor]:
    a = torch.randn(160, 8)
    same = torch.randint(2, (160,)).float()
    b = torch.where(same[:, None] > 0, a + 0.1 * torch.randn(160, 8), torch.randn(160, 8))
    return a, b, same


def contrastive(distance: Tensor, same: Tensor) -> Tensor:
    return (same * distance.square() + (1 - same) * (1 - distance).clamp(min=0).square()).mean()


def siamese() -> Parts:
    model = Siamese()
    a, b, same = pairs()
    return model, contrastive, ((a, b), same), Adam(model.parameters(), 1e-3)


def siamese_of_three() -> Parts:
    model = Siamese()
    return model, contrastive, pairs(), Adam(model.parameters(), 1e-3)


def triplets() -> Parts:
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 16))
    anchor = torch.randn(120, 8)
    batch = anchor, anchor + 0.1 * torch.randn(120, 8), torch.randn(120, 8)
    return model, nn.TripletMarginLoss(), batch, Adam(model.parameters(), 1e-3)


def distillation() -> Parts:
    x = torch.randn(160, 10)
    teacher = (x @ torch.randn(10, 4)).softmax(1)
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 4))
    return model, nn.CrossEntropyLoss(), (x, teacher), Adam(model.parameters(), 1e-3)


def distillation_by_divergence() -> Parts:
    x = torch.randn(160, 10)
    teacher = (x @ torch.randn(10, 4)).softmax(1)
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 4))
    loss = lambda o, t: 4.0 * functional.kl_div((o / 2).log_softmax(1), t, reduction="batchmean")
    return model, loss, (x, teacher), Adam(model.parameters(), 1e-3)


def inputs_only() -> Parts:
    model = nn.Sequential(
        nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 4), nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 20)
    )
    x = torch.randn(128, 4) @ torch.randn(4, 20) / 2
    return model, nn.MSELoss(), [x[i : i + 32] for i in range(0, 128, 32)], Adam(model.parameters(), 1e-3)


class Denoising(nn.Module):
    """Returns its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 20))

    def forward(self, x: Tensor) -> Tensor:
        return functional.mse_loss(self.net(x + 0.1 * torch.randn_like(x)), x)


def inputs_only_with_its_loss() -> Parts:
    model = Denoising()
    return model, None, torch.randn(128, 4) @ torch.randn(4, 20) / 2, Adam(model.parameters(), 1e-3)


class Several(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.aside = nn.Linear(10, 64), nn.Linear(64, 3), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.body(x).relu()
        return self.head(hidden), self.aside(hidden)


def tuple_output() -> Parts:
    model, x = Several(), torch.randn(160, 10)
    loss = lambda o, t: functional.cross_entropy(o[0], t) + 0.1 * functional.mse_loss(o[1][:, 0], t.float())
    return model, loss, (x, x[:, :3].argmax(1)), Adam(model.parameters(), 1e-3)


def tuple_output_of_which_the_first_counts() -> Parts:
    model = nn.GRU(10, 3, batch_first=True)
    x = torch.randn(160, 5, 10)
    loss = lambda o, t: functional.cross_entropy(10 * o[0][:, -1], t)
    return model, loss, (x, x[:, -1, :3].argmax(1)), Adam(model.parameters(), 1e-2)


def two_targets() -> Parts:
    model, x = Several(), torch.randn(160, 10)
    loss = lambda o, t: functional.cross_entropy(o[0], t[0]) + functional.mse_loss(o[1], t[1])
    return model, loss, [(x, (x[:, :3].argmax(1), x[:, 3:4]))], Adam(model.parameters(), 1e-3)


def embedding() -> Parts:
    model = nn.Sequential(nn.Embedding(200, 16), nn.Flatten(), nn.Linear(64, 2))
    ids = torch.randint(200, (256, 4))
    return model, nn.CrossEntropyLoss(), (ids, (ids[:, 0] > 99).long()), AdamW(model.parameters())


class Graph(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(8, 32), nn.Linear(32, 3)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        def spread(h: Tensor) -> Tensor:
            return h + torch.zeros_like(h).index_add(0, edges[1], h[edges[0]]) / 4

        return self.two(spread(self.one(spread(x)).relu()))


def graph() -> Parts:
    x, edges = torch.randn(90, 8), torch.randint(90, (2, 270))
    model = Graph()
    return model, nn.CrossEntropyLoss(), ((x, edges), x[:, :3].argmax(1)), Adam(model.parameters(), 1e-2)


class FixedGraph(nn.Module):
    def __init__(self, count: int = 90) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(8, 32), nn.Linear(32, 3)
        self.register_buffer("adjacency", torch.eye(count) + (torch.rand(count, count) < 0.03).float() / 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.adjacency @ self.one(self.adjacency @ x).relu())


def fixed_graph() -> Parts:
    model, x = FixedGraph(), torch.randn(90, 8)
    return model, nn.CrossEntropyLoss(), (x, x[:, :3].argmax(1)), Adam(model.parameters(), 1e-2)


def smoothed() -> Parts:
    x = torch.randn(160, 8)
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))
    return model, nn.CrossEntropyLoss(label_smoothing=0.2), (x, x[:, :3].argmax(1)), AdamW(model.parameters())


def grey() -> Parts:
    x = pixels()
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 20))
    loss = lambda o, t: functional.binary_cross_entropy_with_logits(o, t, reduction="none").sum(1).mean()
    return model, loss, (x, x), Adam(model.parameters(), 1e-3)


def segmentation() -> Parts:
    x = torch.randn(32, 1, 8, 8)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 3, 3, padding=1))
    return model, nn.CrossEntropyLoss(), (x, 1 + x[:, 0].sign().long()), Adam(model.parameters(), 1e-2)


def hinge() -> Parts:
    x = torch.randn(200, 8)
    model = nn.Linear(8, 5)

    def loss(scores: Tensor, y: Tensor) -> Tensor:
        margins = (scores - scores.gather(1, y[:, None]) + 1).clamp(min=0)
        return margins.scatter(1, y[:, None], 0.0).sum(1).mean()

    return model, loss, (x, (x @ torch.randn(8, 5)).argmax(1)), SGD(model.parameters(), 0.1)


def large_targets() -> Parts:
    x = torch.randn(200, 6)
    model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 1))
    return model, nn.MSELoss(), (x, 50 + 10 * x[:, :1] + torch.randn(200, 1)), Adam(model.parameters(), 1e-2)


def density() -> Parts:
    x = torch.randn(200, 6)
    model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 2))
    loss = lambda o, t: functional.gaussian_nll_loss(o[:, :1], t, functional.softplus(o[:, 1:]) + 1e-3)
    return model, loss, (x, x[:, :1].sin() + 0.1 * torch.randn(200, 1)), Adam(model.parameters(), 1e-3)


class Coupling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x.chunk(2, dim=1)
        scale, shift = self.net(first).chunk(2, dim=1)
        return torch.cat([first, second * scale.tanh().exp() + shift], dim=1), scale.tanh().sum(1)


def flow_of_densities() -> Parts:
    model, x = Coupling(), torch.randn(200, 4) * torch.tensor([1.0, 1.0, 0.5, 2.0])
    loss = lambda o, _: (0.5 * o[0].square().sum(1) - o[1]).mean()
    return model, loss, (x, x), Adam(model.parameters(), 1e-3)


def rare_positives() -> Parts:
    x = torch.randn(300, 6)
    model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 1))
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(5.0))
    return model, loss, (x, (x[:, :1] > 1.0).float()), AdamW(model.parameters())


def focal() -> Parts:
    x = torch.randn(200, 6)
    model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 3))

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        each = functional.cross_entropy(outputs, targets, reduction="none")
        return ((1 - (-each).exp()) ** 2 * each).mean()

    return model, loss, (x, x[:, :3].argmax(1)), AdamW(model.parameters())


class Contrasted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return functional.normalize(self.net(a), dim=1), functional.normalize(self.net(b), dim=1)


def views() -> Parts:
    model, a = Contrasted(), torch.randn(128, 8)
    b = a + 0.1 * torch.randn(128, 8)
    loss = lambda o: functional.cross_entropy(o[0] @ o[1].T / 0.1, torch.arange(len(o[0])))
    return model, loss, [(a[i : i + 32], b[i : i + 32]) for i in range(0, 128, 32)], Adam(model.parameters(), 1e-3)


class Shifting(nn.Module):
    """A causal model that shifts the labels itself, and returns a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.body, self.head = nn.Embedding(24, 32), nn.GRU(32, 64, batch_first=True), nn.Linear(64, 24)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> tuple[Tensor, ...]:
        logits = self.head(self.body(self.embed(input_ids))[0])
        if labels is None:
            return (logits,)
        return functional.cross_entropy(logits[:, :-1].reshape(-1, 24), labels[:, 1:].reshape(-1)), logits


def shifting() -> Parts:
    ids = (torch.randint(24, (64, 1)) + 5 * torch.arange(8)) % 24
    labels = ids.clone()
    labels[:, :2] = -100
    model = Shifting()
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    return model, None, batch, AdamW(model.parameters(), 1e-3)


class Factors(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(50, 8), nn.Embedding(80, 8)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return 0.1 * (self.users(users) * self.items(items)).sum(1)


def recommender() -> Parts:
    model, users, items = Factors(), torch.randint(50, (400,)), torch.randint(80, (400,))
    return model, nn.BCEWithLogitsLoss(), (users, items, ((users + items) % 2).float()), Adam(model.parameters(), 1e-2)


def logistic() -> Parts:
    model, x = nn.Linear(4, 1), torch.randn(200, 4)
    return model, nn.BCEWithLogitsLoss(), (x, (x[:, :1] > 0).float()), SGD(model.parameters(), 0.1)


TRAININGS: dict[str, Callable[[], Parts]] = {
    make.__name__: make
    for make in (
        *(cnn, lstm, language_model, regression, multi_label, vae, dict_batch, siamese, distillation, inputs_only),
        *(tuple_output, embedding, graph),
        *(dict_batch_with_a_loss, siamese_of_three, triplets, distillation_by_divergence, inputs_only_with_its_loss),
        *(tuple_output_of_which_the_first_counts, two_targets, fixed_graph, smoothed, grey, segmentation, hinge),
        *(large_targets, density, flow_of_densities, rare_positives, focal, views, shifting, recommender, logistic),
    )
}
"""The first thirteen are the kinds that anybody would think of; the others are variations on them."""
