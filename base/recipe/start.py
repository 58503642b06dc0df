"""start.py IMDB_DIR WORK_DIR: writes the base to start from, WORK_DIR/start, and WORK_DIR/reviews.safetensors.

The start has a vocabulary, embeddings made from counts (latent semantic analysis of whole reviews), and random layers.
The corpus has film reviews in rows of 64 tokens. Its targets say what a reader of one half of a review can tell about the
other half: canonical correlation between the mean vectors of the halves gives directions and their correlations.
"""
import collections
import json
import pathlib
import random
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from inputs import read_reviews

VOCABULARY, PIECES, SENTINELS = 16_384, 2600, 32
# How much a word counts in each corpus: film reviews have a hundred times as many words as the others.
SOURCE_WEIGHTS = {'film': 1, 'food': 8, 'medicine': 5, 'wordnet': 8}
BIGRAMS = 60_000
WIDTH, HEADS, HEAD_WIDTH, INNER, ENCODER_LAYERS = 256, 4, 64, 1024, 4
# T5 does not scale its attention. Queries 8 times as large, and keys 8 times as small, keep LoRA on q from saturating it.
QUERY_STRETCH = 8
CORPUS_REVIEWS, ROW_TOKENS, TARGETS = 30_000, 64, 96

imdb, work = (pathlib.Path(arg) for arg in sys.argv[1:3])
torch.manual_seed(0)
normalizer, words_of = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()


def read_texts():
    reviews = [review['text'] for part in ('unsup', 'train') for review in read_reviews(imdb, part)]
    random.Random(0).shuffle(reviews)
    others = collections.defaultdict(lambda: collections.defaultdict(list))
    with open(work / 'spans.jsonl') as lines:
        for span in map(json.loads, lines):
            if span['source'] in SOURCE_WEIGHTS and span['source'] != 'film':
                others[span['source']][span['document']].append(span['text'])
    return reviews, {source: [' '.join(spans) for spans in documents.values()] for source, documents in others.items()}


def make_tokenizer(reviews, others):
    counts = collections.Counter()
    for source, texts in {'film': reviews, **others}.items():
        for text in texts:
            for word, _ in words_of.pre_tokenize_str(normalizer.normalize_str(text)):
                counts[word] += SOURCE_WEIGHTS[source]
    specials = ['<pad>', '</s>', '<unk>', *(f'<extra_id_{i}>' for i in range(SENTINELS))]
    characters = sorted(c for c, n in characters_of(counts).items() if n >= 1000)
    whole = [word for word, _ in counts.most_common(VOCABULARY)]
    kept = set(whole[: VOCABULARY - PIECES - len(specials) - 2 * len(characters)])
    pieces = Tokenizer(models.WordPiece(unk_token='<unk>'))
    pieces.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    rare = (word for word, n in counts.items() if n >= 3 and word not in kept for _ in range(min(n, 50)))
    pieces.train_from_iterator(rare, trainers.WordPieceTrainer(vocab_size=PIECES + 2 * len(characters), show_progress=False))
    order = [*specials, *characters, *(f'##{c}' for c in characters), *(word for word in whole if word in kept)]
    # Sorted: the trainer numbers equally frequent pieces in another order in each run.
    order += [*sorted(pieces.get_vocab()), *whole]
    vocabulary = {word: i for i, word in enumerate(list(dict.fromkeys(order))[:VOCABULARY])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token='<unk>', max_input_chars_per_word=100))
    tokenizer.add_special_tokens(specials)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, words_of
    tokenizer.post_processor = processors.TemplateProcessing(single='$A </s>', special_tokens=[('</s>', 1)])
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def characters_of(counts):
    characters = collections.Counter()
    for word, n in counts.items():
        for character in word:
            characters[character] += n
    return characters


def analyse(documents):
    """Returns a vector for each token, the ids of frequent pairs of neighbours, and a vector for each pair.

    (1 + ln tf) · ln(N / (df + 1)), each document at unit length; the truncated decomposition's right vectors, at unit
    length, times min(idf, 3) for a token or a pair: rare ones say more.
    """
    pairs = collections.Counter()
    for ids in documents:
        pairs.update((ids[:-1].astype(np.int64) * VOCABULARY + ids[1:]).tolist())
    frequent = np.sort(np.array([pair for pair, _ in pairs.most_common(BIGRAMS)], np.int64))
    indices, data, starts = [], [], [0]
    for ids in documents:
        features, tf = np.unique(np.concatenate([ids, VOCABULARY + pair_numbers(ids, frequent)]), return_counts=True)
        known = features < VOCABULARY + BIGRAMS
        indices.append(features[known])
        data.append((1 + np.log(tf[known])).astype(np.float32))
        starts.append(starts[-1] + known.sum())
    matrix = csr_matrix((np.concatenate(data), np.concatenate(indices), starts), (len(documents), VOCABULARY + BIGRAMS))
    df = np.bincount(matrix.indices, minlength=matrix.shape[1])
    idf = np.log(len(documents) / (df + 1)).clip(0).astype(np.float32)
    matrix.data *= idf[matrix.indices]
    lengths = np.sqrt(np.add.reduceat(matrix.data**2, matrix.indptr[:-1])).clip(1e-6)
    matrix.data /= np.repeat(lengths, np.diff(matrix.indptr))
    _, sizes, axes = randomized_svd(matrix, WIDTH, n_iter=3, random_state=0)
    features = axes.T * sizes
    features *= (np.minimum(idf, 3) / np.linalg.norm(features, axis=1).clip(1e-9))[:, None]
    return features[:VOCABULARY].astype(np.float32), frequent, features[VOCABULARY:].astype(np.float32)


def pair_numbers(ids, frequent):
    """The number of each pair of neighbours among the frequent ones; BIGRAMS if it is not one of them."""
    pairs = ids[:-1].astype(np.int64) * VOCABULARY + ids[1:]
    found = np.searchsorted(frequent, pairs).clip(0, BIGRAMS - 1)
    return np.where(frequent[found] == pairs, found, BIGRAMS)


def token_vectors(ids, tokens, frequent, pairs):
    """What a token says with its predecessor: its vector, and the vector of the pair if that is frequent."""
    vectors = tokens[ids].copy()
    numbers = pair_numbers(ids, frequent)
    vectors[1:][numbers < BIGRAMS] += pairs[numbers[numbers < BIGRAMS]]
    return vectors


def correlate(halves):
    """Canonical correlation of two views with one distribution. Returns directions [width, targets], correlations."""
    first, second = (np.stack(half) for half in halves)
    mean = (first.mean(0) + second.mean(0)) / 2
    first, second = first - mean, second - mean
    own = (first.T @ first + second.T @ second) / (2 * len(first))
    cross = (first.T @ second + second.T @ first) / (2 * len(first))
    values, basis = np.linalg.eigh(own.astype(np.float64))
    whiten = basis / np.sqrt(values.clip(1e-6 * values.max()))
    rho, rotation = np.linalg.eigh(whiten.T @ cross @ whiten)
    return (whiten @ rotation[:, ::-1][:, :TARGETS]).astype(np.float32), rho[::-1][:TARGETS].clip(0).astype(np.float32)


def make_corpus(documents, tokens, frequent, pairs):
    halves = [], []
    for ids in documents:
        if len(ids) >= 40:
            vectors = token_vectors(ids, tokens, frequent, pairs)
            halves[0].append(vectors[: len(ids) // 2].mean(0))
            halves[1].append(vectors[len(ids) // 2 :].mean(0))
    directions, rho = correlate(halves)
    print('correlations', rho[:4], '…', rho[-1], flush=True)
    ids, starts, numbers, rows, positions, targets = [], [0], [], [], [], []
    for number, document in enumerate(documents[:CORPUS_REVIEWS]):
        vectors = token_vectors(document, tokens, frequent, pairs) @ directions
        for at in range(0, len(document), ROW_TOKENS):
            part = vectors[at : at + ROW_TOKENS]
            rows.append(part.mean(0))
            starts.append(starts[-1] + len(part))
            numbers.append(number)
        # Every second token is enough: a segment has about a hundred.
        chosen = np.arange(0, len(document), 2)
        positions.append(len(ids) + chosen)
        targets.append(vectors[chosen].astype(np.float16))
        ids += document.tolist()
    importance = np.sqrt(rho / rho.mean())
    save_file(
        {
            'ids': np.array(ids, np.float32),
            'starts': np.array(starts, np.float32),
            'documents': np.array(numbers, np.float32),
            'row.counts': standardise(np.stack(rows), importance),
            'token.counts': standardise(np.concatenate(targets), importance),
            'token.counts.positions': np.concatenate(positions).astype(np.float32),
        },
        work / 'reviews.partial',
    )
    (work / 'reviews.partial').rename(work / 'reviews.safetensors')


def standardise(vectors, importance):
    mean, deviation = vectors.mean(0, dtype=np.float32), vectors.std(0, dtype=np.float32)
    return ((vectors - mean) / deviation * importance).astype(np.float16)


def make_weights(tokens):
    """T5's own initial values (Mesh TensorFlow), but for the embeddings and the stretch of the queries."""
    table = torch.from_numpy(tokens / 3 * WIDTH**0.5)
    table[3 : 3 + SENTINELS] = torch.randn(SENTINELS, WIDTH) * 0.3
    table[0] = 0
    weights = {'shared.weight': table}
    heads = HEADS * HEAD_WIDTH

    def attention(name):
        weights[f'{name}.q.weight'] = torch.randn(heads, WIDTH) * (WIDTH * HEAD_WIDTH) ** -0.5 * QUERY_STRETCH
        weights[f'{name}.k.weight'] = torch.randn(heads, WIDTH) * WIDTH**-0.5 / QUERY_STRETCH
        weights[f'{name}.v.weight'] = torch.randn(heads, WIDTH) * WIDTH**-0.5
        weights[f'{name}.o.weight'] = torch.randn(WIDTH, heads) * heads**-0.5

    for stack, layers in (('encoder', ENCODER_LAYERS), ('decoder', 1)):
        for i in range(layers):
            block = f'{stack}.block.{i}.layer'
            attention(f'{block}.0.SelfAttention')
            if i == 0:
                bias = torch.randn(32, HEADS) * WIDTH**-0.5
                weights[f'{block}.0.SelfAttention.relative_attention_bias.weight'] = bias
            if stack == 'decoder':
                attention(f'{block}.1.EncDecAttention')
            last = 2 if stack == 'decoder' else 1
            weights[f'{block}.{last}.DenseReluDense.wi.weight'] = torch.randn(INNER, WIDTH) * WIDTH**-0.5
            weights[f'{block}.{last}.DenseReluDense.wo.weight'] = torch.randn(WIDTH, INNER) * INNER**-0.5
            for k in range(last + 1):
                weights[f'{block}.{k}.layer_norm.weight'] = torch.ones(WIDTH)
        weights[f'{stack}.final_layer_norm.weight'] = torch.ones(WIDTH)
    return weights


def write_start(tokenizer, weights):
    start = work / 'start'
    start.mkdir(exist_ok=True)
    save_torch(weights, start / 'model.safetensors', metadata={'format': 'pt'})
    tokenizer.save(str(start / 'tokenizer.json'))
    here = pathlib.Path(__file__).parent.parent
    (start / 'tokenizer_config.json').write_text((here / 'tokenizer_config.json').read_text())
    config = json.loads((here / 'config.json').read_text())
    config.update(vocab_size=VOCABULARY, num_layers=ENCODER_LAYERS, num_decoder_layers=1)
    (start / 'config.json').write_text(json.dumps(config, indent=1))


reviews, others = read_texts()
tokenizer = make_tokenizer(reviews, others)
print('vocabulary', tokenizer.get_vocab_size(), flush=True)
texts = reviews + others['food'] + others['medicine']
documents = [np.array(e.ids[:-1], np.int32) for e in tokenizer.encode_batch(texts) if len(e.ids) > 9]
tokens, frequent, pairs = analyse(documents)
write_start(tokenizer, make_weights(tokens))
make_corpus(documents, tokens, frequent, pairs)
