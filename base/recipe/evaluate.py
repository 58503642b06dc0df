"""evaluate.py BASE_DIR IMDB_DIR: what a base judges before any tuning, by words at the decoder's first step.

BASE_DIR holds a base in float32. Prints AUC and accuracy (at odds of one) of `excellent` against `worst`, and of all
judging words of config.yaml, on 1,000 reviews of IMDB's training part and on sentences.jsonl, and the share of the pairs in
test/fixtures/pairs whose positive sentence has the higher odds.
"""
import collections
import json
import pathlib
import sys

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from tokenizers import Tokenizer
from transformers import T5ForConditionalGeneration

from inputs import judging_odds, judging_words, read_reviews

MAX_TOKENS = 256

base, imdb = (pathlib.Path(arg) for arg in sys.argv[1:3])
here = pathlib.Path(__file__).parent
tokenizer = Tokenizer.from_file(str(base / 'tokenizer.json'))
model = T5ForConditionalGeneration.from_pretrained(base).eval()
read = lambda path: [json.loads(line) for line in path.read_text().splitlines()]


@torch.no_grad()
def first_step(texts):
    """The log-probabilities of the decoder's first step [texts, vocabulary]; long texts lose their beginning."""
    out = []
    for at in range(0, len(texts), 50):
        rows = [e.ids[-MAX_TOKENS:] for e in tokenizer.encode_batch(texts[at : at + 50])]
        ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
        start = torch.zeros(len(rows), 1, dtype=torch.long)
        logits = model(input_ids=ids, attention_mask=(ids != 0).long(), decoder_input_ids=start).logits[:, 0]
        out.append(logits.log_softmax(-1))
    return torch.cat(out).numpy()


ids = [tokenizer.token_to_id(word) for word in judging_words()]


def odds(texts):
    scores = first_step(texts)
    pair = scores[:, tokenizer.token_to_id('excellent')] - scores[:, tokenizer.token_to_id('worst')]
    return {'excellent/worst': pair, 'all words': judging_odds(scores[:, ids])}


def report(name, texts, labels):
    labels = np.array(labels) == 'positive'
    for words, values in odds(texts).items():
        print(f'{name:10} {words:16} AUC {roc_auc_score(labels, values):.3f} accuracy {100 * ((values > 0) == labels).mean():.1f}')
    return (values > 0) == labels


reviews = read_reviews(imdb, 'train')[::25]
report('reviews', [r['text'] for r in reviews], [r['label'] for r in reviews])
sentences = read(here / 'sentences.jsonl')
judged = [s for s in sentences if s['label'] in ('positive', 'negative')]
right = report('sentences', [s['text'] for s in judged], [s['label'] for s in judged])
kinds = collections.defaultdict(list)
for sentence, good in zip(judged, right):
    kinds[sentence['kind']].append(good)
print('by kind, all words:', {kind: f'{100 * np.mean(good):.0f}' for kind, good in kinds.items()})
pairs = read(here / '../../test/fixtures/pairs/pairs.jsonl')
for name in ('excellent/worst', 'all words'):
    positive, negative = (odds([p[side] for p in pairs])[name] for side in ('positive', 'negative'))
    print(f'pairs      {name:16} {100 * (positive > negative).mean():.1f}')
