"""Sentences classified by the Trainer, as in "Text classification" of Transformers."""

import random

import numpy as np
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

set_seed(0)
good, bad = ["good", "great", "fine", "lovely"], ["bad", "poor", "awful", "dull"]
plain = ["the", "film", "was", "a", "very", "plot", "with", "actors", "and", "music"]


def review():
    label = random.randrange(2)
    text = random.choices(plain, k=random.randint(6, 14)) + random.choices((bad, good)[label], k=2)
    random.shuffle(text)
    return {"text": " ".join(text), "label": label, "stars": random.randrange(2)}


words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *good, *bad, *plain]
backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]", cls_token="[CLS]", unk_token="[UNK]")


def preprocess(batch):
    return tokenizer(["[CLS] " + text for text in batch["text"]], truncation=True, max_length=32)


dataset = Dataset.from_list([review() for _ in range(1200)])
dataset = dataset.map(preprocess, batched=True).train_test_split(test_size=0.2, seed=0)
config = BertConfig(
    vocab_size=len(words),
    hidden_size=48,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=96,
    max_position_embeddings=32,
    num_labels=2,
)
model = BertForSequenceClassification(config)


def compute_metrics(eval_pred):
    predictions, labels = eval_pred
    return {"accuracy": float((np.argmax(predictions, axis=1) == labels).mean())}


training_args = TrainingArguments(
    output_dir="out",
    learning_rate=1e-3,
    per_device_train_batch_size=32,
    per_device_eval_batch_size=64,
    num_train_epochs=6,
    weight_decay=0.01,
    eval_strategy="epoch",
    save_strategy="no",
    report_to="none",
    use_cpu=True,
    disable_tqdm=True,
)
trainer = Trainer(
    model=model,
    args=training_args,
    train_dataset=dataset["train"],
    eval_dataset=dataset["test"],
    processing_class=tokenizer,
    data_collator=DataCollatorWithPadding(tokenizer=tokenizer),
    compute_metrics=compute_metrics,
)
trainer.train()
metrics = trainer.evaluate()
print(metrics["eval_loss"], metrics["eval_accuracy"])
