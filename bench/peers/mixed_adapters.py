"""Classifies random reviews with PEFT, with one LoRA and with many in mixed batches. Prints one JSON object.

    mixed_adapters.py '{"config": {T5Config fields}, "adapters": 64, "lengths": [[...], ...], "rounds": 3}'

Each list of lengths is one setting: its rows, sorted by length, run in batches of at most 1,024 tokens. PEFT mixes only
LoRAs in a batch, so the adapters are LoRAs of ranks 1, 4, 8 and 16. Output: for each setting {"one": [seconds of each
round], "many": [seconds]}, as {"settings": [...], "version": x}.
"""

import json
import sys
import time

import peft
import torch
from peft import LoraConfig, get_peft_model
from transformers import T5Config, T5ForConditionalGeneration

RANKS = [8, 4, 16, 1]
MAX_TOKENS = 1024
LABELS = [1465, 2841]


def make_model(config, adapters):
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(T5Config(**config)).eval()
    lora = lambda i: LoraConfig(task_type="SEQ_2_SEQ_LM", r=RANKS[i % len(RANKS)], target_modules=["q", "v"])
    wrapped = get_peft_model(model, lora(0), adapter_name="adapter0")
    for i in range(1, adapters):
        wrapped.add_adapter(f"adapter{i}", lora(i))
    return wrapped.eval()


def make_batches(lengths):
    batches, batch = [], []
    for length in sorted(lengths, reverse=True):
        if batch and (len(batch) + 1) * batch[0] > MAX_TOKENS:
            batches.append(batch)
            batch = []
        batch.append(length)
    return batches + [batch]


@torch.inference_mode()
def run(model, batches, names):
    started = time.perf_counter()
    done = 0
    for lengths in batches:
        ids = torch.zeros((len(lengths), lengths[0]), dtype=torch.long)
        for row, length in enumerate(lengths):
            ids[row, :length] = torch.randint(2, 30000, (length,))
        own = [names[(done + row) % len(names)] for row in range(len(lengths))]
        done += len(lengths)
        extra = {"adapter_names": own} if len(names) > 1 else {}
        logits = model(input_ids=ids, attention_mask=(ids != 0).long(),
                       decoder_input_ids=torch.zeros((len(lengths), 1), dtype=torch.long), **extra).logits
        logits[:, 0, LABELS].softmax(-1)
    return time.perf_counter() - started


def main(job):
    torch.set_num_threads(job.get("threads", 2))
    model = make_model(job["config"], job["adapters"])
    names = [f"adapter{i}" for i in range(job["adapters"])]
    settings = []
    for lengths in job["lengths"]:
        batches = make_batches(lengths)
        one, many = [], []
        # The first round is a warm-up.
        for _ in range(job["rounds"] + 1):
            model.set_adapter("adapter0")
            one.append(run(model, batches, names[:1]))
            many.append(run(model, batches, names))
        settings.append({"one": one[1:], "many": many[1:]})
    print(json.dumps({"settings": settings, "version": peft.__version__}))


main(json.loads(sys.argv[1]))
