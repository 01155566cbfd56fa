"""Supervised fine-tuning by TRL, prompt and completion, whose loss is computed in chunks of tokens."""

import random

from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import SFTConfig, SFTTrainer

set_seed(0)
colours, things, answers = (
    ["red", "blue", "green", "white"],
    ["cat", "car", "sky", "tree"],
    ["yes", "no", "maybe", "never"],
)


def example(_):
    colour, thing = random.randrange(4), random.randrange(4)
    prompt = f"is the {things[thing]} {colours[colour]} ?"
    return {"prompt": prompt, "completion": f" {answers[(colour + thing) % 4]} it is {colours[colour]} ."}


words = ["<pad>", "<eos>", "<unk>", "is", "the", "it", "?", ".", *colours, *things, *answers]
backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")

dataset = Dataset.from_list([example(i) for i in range(640)]).train_test_split(test_size=0.1, seed=0)
config = LlamaConfig(
    vocab_size=len(words),
    hidden_size=48,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=32,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=1,
)
model = LlamaForCausalLM(config)
args = SFTConfig(
    output_dir="out",
    learning_rate=3e-3,
    per_device_train_batch_size=32,
    num_train_epochs=8,
    max_length=32,
    bf16=False,
    gradient_checkpointing=False,
    eval_strategy="epoch",
    logging_steps=20,
    save_strategy="no",
    report_to="none",
    use_cpu=True,
    disable_tqdm=True,
)
trainer = SFTTrainer(
    model=model,
    args=args,
    train_dataset=dataset["train"],
    eval_dataset=dataset["test"],
    processing_class=tokenizer,
)
trainer.train()
metrics = trainer.evaluate()
print(metrics["eval_loss"], metrics["eval_mean_token_accuracy"])
