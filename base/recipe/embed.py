"""embed.py WORK_DIR: the teacher's vectors of every span, in parts WORK_DIR/vectors/NNN.npz. Run again to continue.

A part holds `pooled` [spans, 384], `words` [words, 96] (the mean state of each word's pieces, on the first principal
components), `counts` [spans] and `offsets` [words, 2] (characters). 113,647 spans take 34 minutes on 2 cores.
"""
import json
import multiprocessing
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


def embed_part(first):
    path = work / 'vectors' / f'{first // SPANS_PER_PART:03d}.npz'
    if path.exists():
        return first
    part = texts[first : first + SPANS_PER_PART]
    pooled = np.zeros((len(part), model.config.hidden_size), np.float32)
    words, offsets = [None] * len(part), [None] * len(part)
    for i, encoding, hidden in teacher.states(tokenizer, model, part):
        mean = hidden.mean(0)
        pooled[i] = mean / np.linalg.norm(mean)
        words[i], offsets[i] = word_states(part[i], encoding, hidden)
    flat = np.concatenate(words)
    basis = load_basis(flat)
    partial = path.with_suffix('.partial.npz')
    np.savez(
        partial,
        pooled=pooled.astype(np.float16),
        words=((flat - basis['mean']) @ basis['axes']).astype(np.float16),
        counts=np.array([len(w) for w in words], np.int32),
        offsets=np.concatenate(offsets),
    )
    partial.rename(path)
    return first


def load_basis(states):
    """The principal components that all parts share: those of the first part."""
    path = work / 'basis.npz'
    if not path.exists():
        mean = states.mean(0)
        _, sizes, axes = np.linalg.svd((states - mean)[::3], full_matrices=False)
        deviations = sizes[:COMPONENTS] / np.sqrt(len(states[::3]))
        np.savez(path, mean=mean, axes=axes[:COMPONENTS].T, deviations=deviations)
    return np.load(path)


def start_process():
    global tokenizer, model
    torch.set_num_threads(1)
    tokenizer, model = teacher.load()


if __name__ == '__main__':
    # A process for each core: half of the work is Python's. The first part comes alone, because it makes the basis.
    firsts = range(0, len(texts), SPANS_PER_PART)
    with multiprocessing.get_context('spawn').Pool(initializer=start_process) as pool:
        pool.apply(embed_part, (0,))
        for first in pool.imap_unordered(embed_part, firsts[1:]):
            print(min(first + SPANS_PER_PART, len(texts)), 'of', len(texts), flush=True)
