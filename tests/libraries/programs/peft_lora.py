"""A sequence classifier fine-tuned by LoRA, as in PEFT's quickstart."""

import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertForSequenceClassification

torch.manual_seed(0)
config = BertConfig(
    vocab_size=40,
    hidden_size=48,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=96,
    max_position_embeddings=16,
    num_labels=2,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)


def sentences(count, first):
    """Rows of tokens; the label says whether there are more of one kind of word than of another."""
    tokens = torch.randint(4, 40, (count, 16))
    kind = (tokens - 4) // first % 2
    return tokens, (kind.sum(1) > 8).long()


def loader(count, first):
    return DataLoader(TensorDataset(*sentences(count, first)), batch_size=32, shuffle=True)


def pretrain(model):
    """What a download would give: a model that was trained on another task."""
    tokens, labels = sentences(4096, 9)
    rule = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for start in range(0, 4096, 64):
        rule.zero_grad()
        model(input_ids=tokens[start : start + 64], labels=labels[start : start + 64]).loss.backward()
        rule.step()


model = BertForSequenceClassification(config)
pretrain(model)
peft_config = LoraConfig(
    task_type=TaskType.SEQ_CLS,
    r=8,
    lora_alpha=16,
    lora_dropout=0.0,
    target_modules=["query", "value"],
)
model = get_peft_model(model, peft_config)
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
train_dataloader, eval_dataloader = loader(1536, 3), loader(256, 3)

for epoch in range(5):
    model.train()
    total = 0.0
    for input_ids, labels in train_dataloader:
        outputs = model(input_ids=input_ids, labels=labels)
        loss = outputs.loss
        total += loss.item()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    correct = 0
    for input_ids, labels in eval_dataloader:
        with torch.no_grad():
            outputs = model(input_ids=input_ids)
        correct += (outputs.logits.argmax(-1) == labels).sum().item()
    print(f"epoch {epoch}: loss {total / len(train_dataloader)} accuracy {correct / 256}")
