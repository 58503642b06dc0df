"""embed.py WORK_DIR: the teacher's vectors of every span, in parts WORK_DIR/vectors/NNN.npz. Run again to continue.

A part holds `pooled` [spans, 384], `words` [words, 96] (the mean state of each word's pieces, on the first principal
components), `counts` [spans] and `offsets` [words, 2] (characters). 113,647 spans take 34 minutes on 2 cores.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from tokenizers.pre_tokenizers import BertPreTokenizer

import teacher

SPANS_PER_PART = 2000
COMPONENTS = 96

work = pathlib.Path(sys.argv[1])
(work / 'vectors').mkdir(exist_ok=True)
torch.set_num_threads(2)
tokenizer, model = teacher.load()
split = BertPreTokenizer().pre_tokenize_str
with open(work / 'spans.jsonl') as lines:
    texts = [json.loads(line)['text'] for line in lines]


def word_states(text, encoding, hidden):
    """Returns the mean state of each word that has a piece, and the characters of these words."""
    words = np.array([offsets for _, offsets in split(text)], np.int32).reshape(-1, 2)
    sums, counts = np.zeros((len(words), hidden.shape[1]), np.float32), np.zeros(len(words))
    for (start, end), state in zip(encoding.offsets, hidden):
        start, end = start - len(teacher.PREFIX), end - len(teacher.PREFIX)
        if end <= 0:
            continue
        # A piece may begin with the space before its word, so its last character decides.
        word = int(np.searchsorted(words[:, 0], max(start, 0) if end - start <= 1 else end - 1, 'right')) - 1
        if word >= 0:
            sums[word] += state
            counts[word] += 1
    found = counts > 0
    return sums[found] / counts[found][:, None], words[found]


for first in range(0, len(texts), SPANS_PER_PART):
    path = work / 'vectors' / f'{first // SPANS_PER_PART:03d}.npz'
    if path.exists():
        continue
    part = texts[first : first + SPANS_PER_PART]
    pooled = np.zeros((len(part), model.config.hidden_size), np.float32)
    words, offsets = [None] * len(part), [None] * len(part)
    for i, encoding, hidden in teacher.states(tokenizer, model, part):
        mean = hidden.mean(0)
        pooled[i] = mean / np.linalg.norm(mean)
        words[i], offsets[i] = word_states(part[i], encoding, hidden)
    flat = np.concatenate(words)
    basis_path = work / 'basis.npz'
    if not basis_path.exists():
        mean = flat.mean(0)
        _, sizes, axes = np.linalg.svd((flat - mean)[::3], full_matrices=False)
        deviations = sizes[:COMPONENTS] / np.sqrt(len(flat[::3]))
        np.savez(basis_path, mean=mean, axes=axes[:COMPONENTS].T, deviations=deviations)
    basis = np.load(basis_path)
    partial = path.with_suffix('.partial.npz')
    np.savez(
        partial,
        pooled=pooled.astype(np.float16),
        words=((flat - basis['mean']) @ basis['axes']).astype(np.float16),
        counts=np.array([len(w) for w in words], np.int32),
        offsets=np.concatenate(offsets),
    )
    partial.rename(path)
    print(first + len(part), 'of', len(texts), flush=True)
