"""prepare.py WORK_DIR: writes WORK_DIR/spans.safetensors, the corpus whose targets come from the teacher.

config.yaml lists the judging words in the order of `row.words`.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from tokenizers import Tokenizer

import teacher
from inputs import judging_words

TEMPLATES = ['it was {}', '{}', 'this is {}', 'the film was {}', 'overall {}']
TEMPERATURE = 0.01  # with which the teacher was trained
ROW_COMPONENTS, TOKEN_COMPONENTS = 128, 64

work = pathlib.Path(sys.argv[1])
torch.set_num_threads(2)
with open(work / 'spans.jsonl') as lines:
    spans = [json.loads(line) for line in lines]
e5, model = teacher.load()


def make_corpus():
    tokenizer = Tokenizer.from_file(str(work / 'start' / 'tokenizer.json'))
    basis = np.load(work / 'basis.npz')
    pooled, ids, starts, documents, positions, vectors = [], [], [0], [], [], []
    row = 0
    for path in sorted((work / 'vectors').glob('???.npz')):
        part = np.load(path)
        words, offsets, counts = part['words'], part['offsets'], part['counts']
        pooled.append(part['pooled'].astype(np.float32))
        word = 0
        for encoding, count in zip(tokenizer.encode_batch([s['text'] for s in spans[row : row + len(counts)]]), counts):
            tokens = [i for i in encoding.ids if i != 1]
            first = {}
            for token, (begin, end) in enumerate(encoding.offsets[: len(tokens)]):
                if end > begin:
                    first.setdefault(begin, token)
            placed = {}
            for k in range(word, word + count):
                token = first.get(int(offsets[k][0]))
                if token is not None:
                    placed.setdefault(token, k)
            for token in sorted(placed):
                positions.append(len(ids) + token)
                vectors.append(words[placed[token]])
            word += count
            ids += tokens
            starts.append(len(ids))
            documents.append(spans[row]['document'])
            row += 1
    pooled = np.concatenate(pooled)
    deviations = basis['deviations'][:TOKEN_COMPONENTS]
    scale = deviations**-0.5
    scale /= np.sqrt((deviations**2 * scale**2).mean())
    tokens = np.stack(vectors)[:, :TOKEN_COMPONENTS].astype(np.float32) * scale
    save_file(
        {
            'ids': np.array(ids, np.float32),
            'starts': np.array(starts, np.float32),
            'documents': np.array(documents, np.float32),
            'row.teacher': components(pooled).astype(np.float16),
            'row.words': distributions(pooled),
            'token.teacher': tokens.astype(np.float16),
            'token.teacher.positions': np.array(positions, np.float32),
        },
        work / 'spans.partial',
    )
    (work / 'spans.partial').rename(work / 'spans.safetensors')


def components(pooled):
    """Principal components of the embeddings, each divided by the square root of its deviation."""
    centred = pooled - pooled.mean(0)
    sample = centred[:30_000]
    _, sizes, axes = np.linalg.svd(sample, full_matrices=False)
    rows = centred @ axes[:ROW_COMPONENTS].T / np.sqrt(sizes[:ROW_COMPONENTS] / np.sqrt(len(sample)))
    return rows / rows.std()


def distributions(pooled):
    """How well each judging word fits each span: softmax of the similarity to "it was …", both centred."""
    words = judging_words()
    vectors = sum(teacher.embed(e5, model, [t.format(w) for w in words]) for t in TEMPLATES) / len(TEMPLATES)
    logits = (pooled - pooled.mean(0)) @ (vectors - vectors.mean(0)).T / TEMPERATURE
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return (odds / odds.sum(1, keepdims=True)).astype(np.float32)


make_corpus()
