"""prepare.py BASE_DIR WORK_DIR: writes WORK_DIR/start, the base to start from, and WORK_DIR/spans.safetensors.

The start is a base in float32 (tools/export-base.mjs writes one) with 4,000 more words and with two more encoder
layers, which add nothing yet. config.yaml lists the judging words in the order of `row.words`.
"""
import collections
import json
import pathlib
import re
import sys

import numpy as np
import torch
import yaml
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_torch
from tokenizers import Tokenizer

import teacher

NEW_WORDS = 4000
ENCODER_LAYERS = 4
# How much a word counts in each corpus: the vocabulary already covers film reviews.
SOURCE_WEIGHTS = {'film': 0.05, 'food': 1.0, 'medicine': 0.5, 'wordnet': 1.0}
TEMPLATES = ['it was {}', '{}', 'this is {}', 'the film was {}', 'overall {}']
TEMPERATURE = 0.01  # with which the teacher was trained
ROW_COMPONENTS, TOKEN_COMPONENTS = 128, 64

base, work = (pathlib.Path(arg) for arg in sys.argv[1:3])
torch.manual_seed(0)
torch.set_num_threads(2)
with open(work / 'spans.jsonl') as lines:
    spans = [json.loads(line) for line in lines]
e5, model = teacher.load()


def make_start():
    start = work / 'start'
    start.mkdir(exist_ok=True)
    tokenizer = json.loads((base / 'tokenizer.json').read_text())
    vocabulary = tokenizer['model']['vocab']
    weights = load_file(base / 'model.safetensors')
    counts = collections.Counter()
    for span in spans:
        for word in set(re.findall('[a-z]+', span['text'].lower())):
            counts[word] += SOURCE_WEIGHTS[span['source']]
    new = [w for w, n in counts.most_common() if w not in vocabulary and len(w) > 2 and n >= 2][:NEW_WORDS]
    table = weights['shared.weight'].numpy()
    weights['shared.weight'] = torch.tensor(np.concatenate([table, map_words(new, vocabulary, table)]))
    for word in new:
        vocabulary[word] = len(vocabulary)
    config = json.loads((base / 'config.json').read_text())
    for layer in range(config['num_layers'], ENCODER_LAYERS):
        add_layer(weights, layer, config)
    config.update(vocab_size=len(vocabulary), num_layers=ENCODER_LAYERS)
    save_torch({k: v.contiguous() for k, v in weights.items()}, start / 'model.safetensors', metadata={'format': 'pt'})
    (start / 'config.json').write_text(json.dumps(config, indent=1))
    (start / 'tokenizer.json').write_text(json.dumps(tokenizer, ensure_ascii=False))
    (start / 'tokenizer_config.json').write_text((base / 'tokenizer_config.json').read_text())


def map_words(new, vocabulary, table):
    """Embeddings of new words: a ridge regression from the teacher's embeddings, fitted to the words of the base."""
    known = [w for w in vocabulary if re.fullmatch('[a-z]{3,}', w)]
    x, y = teacher.embed(e5, model, known), table[[vocabulary[w] for w in known]]
    mean_x, mean_y = x.mean(0), y.mean(0)
    gram = (x - mean_x).T @ (x - mean_x)
    ridge = 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram))
    matrix = np.linalg.solve(gram + ridge, (x - mean_x).T @ (y - mean_y))
    size = lambda rows: np.linalg.norm(rows, axis=1).mean()
    stretch = size(y - mean_y) / size((x - mean_x) @ matrix)
    return ((teacher.embed(e5, model, new) - mean_x) @ matrix * stretch + mean_y).astype(np.float32)


def add_layer(weights, layer, config):
    """A layer whose output projections are zero. W_q and W_k have the scales of the base's other layers."""
    width, inner, heads = config['d_model'], config['d_ff'], config['num_heads'] * config['d_kv']
    block = f'encoder.block.{layer}.layer'
    scale = width**-0.5
    weights[f'{block}.0.SelfAttention.q.weight'] = torch.randn(heads, width) * scale * config['d_kv'] ** -0.5 * 8
    weights[f'{block}.0.SelfAttention.k.weight'] = torch.randn(heads, width) * scale / 8
    weights[f'{block}.0.SelfAttention.v.weight'] = torch.randn(heads, width) * scale
    weights[f'{block}.0.SelfAttention.o.weight'] = torch.zeros(width, heads)
    weights[f'{block}.1.DenseReluDense.wi.weight'] = torch.randn(inner, width) * scale
    weights[f'{block}.1.DenseReluDense.wo.weight'] = torch.zeros(width, inner)
    for i in (0, 1):
        weights[f'{block}.{i}.layer_norm.weight'] = torch.ones(width)


def judging_words():
    config = yaml.safe_load((pathlib.Path(__file__).parent / 'config.yaml').read_text())
    return next(o['words'] for task in config['tasks'] for o in task['objectives'] if o['kind'] == 'distribution')


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
        work / 'spans.safetensors',
    )


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


make_start()
make_corpus()
