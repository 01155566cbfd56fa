"""A causal language model by the Trainer, from a configuration, as in the course of Hugging Face."""

import random

from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    DataCollatorForLanguageModeling,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

set_seed(0)
names, verbs, places = ["ann", "bob", "cid", "dan"], ["walks", "runs", "rides"], ["home", "away", "east", "west", "on"]


def sentence():
    """Who goes where in which way follows from who it is, but for the first and the last word."""
    who = random.randrange(4)
    how = verbs[who % 3]
    return f"{names[who]} {how} {places[who]} and {how} {random.choice(places)} ."


texts = [" ".join(sentence() for _ in range(random.randint(2, 4))) for _ in range(800)]
words = ["<pad>", "<eos>", "<unk>", *names, *verbs, *places, "and", "."]
backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


def tokenize(batch):
    return tokenizer([text + " <eos>" for text in batch["text"]], truncation=True, max_length=32)


dataset = Dataset.from_dict({"text": texts}).map(tokenize, batched=True, remove_columns="text")
dataset = dataset.train_test_split(test_size=0.1, seed=0)
config = GPT2Config(
    vocab_size=len(words), n_positions=64, n_embd=48, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=1
)
model = GPT2LMHeadModel(config)
args = TrainingArguments(
    output_dir="out",
    per_device_train_batch_size=32,
    per_device_eval_batch_size=32,
    eval_strategy="epoch",
    num_train_epochs=10,
    learning_rate=3e-3,
    lr_scheduler_type="cosine",
    weight_decay=0.01,
    logging_steps=20,
    save_strategy="no",
    report_to="none",
    use_cpu=True,
    disable_tqdm=True,
)
collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
trainer = Trainer(
    model=model,
    args=args,
    data_collator=collator,
    train_dataset=dataset["train"],
    eval_dataset=dataset["test"],
)
trainer.train()
print("eval_loss", trainer.evaluate()["eval_loss"])
print(sum(p.double().abs().sum() for p in model.parameters()).item())
