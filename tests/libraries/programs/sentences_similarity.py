"""Sentence embeddings by the trainer of Sentence Transformers, from scored pairs."""

import random

from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
    losses,
)
from sentence_transformers.models import Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, set_seed

set_seed(0)
topics = [["cat", "dog", "horse", "cow"], ["car", "bus", "train", "ship"], ["tea", "milk", "beer", "wine"]]
plain = ["the", "a", "big", "old", "new", "saw", "has"]


def sentence(topic):
    text = random.choices(plain, k=5) + random.choices(topics[topic], k=3)
    random.shuffle(text)
    return " ".join(text)


def pair(_):
    first, second = random.randrange(3), random.randrange(3)
    if random.random() < 0.4:
        second = first
    return {"sentence1": sentence(first), "sentence2": sentence(second), "score": float(first == second)}


words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *plain, *(word for topic in topics for word in topic)]
backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
backend.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]")
config = BertConfig(
    vocab_size=len(words),
    hidden_size=48,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=96,
    max_position_embeddings=32,
)
BertModel(config).save_pretrained("tiny")
tokenizer.save_pretrained("tiny")

transformer = Transformer("tiny", max_seq_length=24)
model = SentenceTransformer(modules=[transformer, Pooling(48)], device="cpu")
train_dataset = Dataset.from_list([pair(i) for i in range(1024)])
eval_dataset = Dataset.from_list([pair(i) for i in range(128)])
loss = losses.CosineSimilarityLoss(model)
args = SentenceTransformerTrainingArguments(
    output_dir="out",
    num_train_epochs=4,
    per_device_train_batch_size=32,
    learning_rate=1e-3,
    warmup_ratio=0.1,
    eval_strategy="epoch",
    save_strategy="no",
    report_to="none",
    use_cpu=True,
    disable_tqdm=True,
)
trainer = SentenceTransformerTrainer(
    model=model,
    args=args,
    train_dataset=train_dataset,
    eval_dataset=eval_dataset,
    loss=loss,
)
trainer.train()
print(trainer.evaluate()["eval_loss"])
print(model.encode(["the cat", "the dog"])[:, :3].tolist())
