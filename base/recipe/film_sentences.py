"""film_sentences.py IMDB_DIR WORK_DIR: chooses single sentences of reviews, WORK_DIR/film/sentences.jsonl.

Of two fifths of the labeled reviews it takes one or two sentences and one with a word that may turn a judgement round; of
all reviews, also of those without labels, sentences that say what was expected. `label` is that of the review, or null.
"""
import json
import pathlib
import random
import re
import sys

from inputs import MAX_TURN_CHARACTERS, TURN, read_reviews, sentences

EXPECTATION = re.compile(
    r'\b(expect(ed|ing)?|hop(ed|ing)|supposed to be|should have been|could have been|promis(ed|es|ing)|instead'
    r'|looking forward|advertised|trailer|turned out|turns out)\b',
    re.IGNORECASE,
)
MIN_CHARACTERS, MAX_CHARACTERS = 15, 180
UNLABELED_SHARE = 0.25


def choose(imdb):
    rng = random.Random(1)
    texts = {}
    for i, review in enumerate(read_reviews(imdb, 'train')):
        found = [s for s in sentences(review['text']) if MIN_CHARACTERS <= len(s) <= MAX_CHARACTERS]
        picked = {s for s in found if len(s) <= MAX_TURN_CHARACTERS and EXPECTATION.search(s)}
        if found and i % 5 < 2:
            picked |= {rng.choice(found), *([found[-1]] if rng.random() < 0.5 else [])}
            turns = [s for s in found if len(s) <= MAX_TURN_CHARACTERS and TURN.search(s)]
            if turns and rng.random() < 0.5:
                picked.add(rng.choice(turns))
        texts |= dict.fromkeys(sorted(picked), review['label'])
    for review in read_reviews(imdb, 'unsup'):
        for s in sentences(review['text']):
            is_expectation = MIN_CHARACTERS <= len(s) <= MAX_TURN_CHARACTERS and EXPECTATION.search(s)
            if is_expectation and rng.random() < UNLABELED_SHARE:
                texts.setdefault(s, None)
    return [{'text': text, 'label': label} for text, label in texts.items()]


if __name__ == '__main__':
    imdb, work = (pathlib.Path(arg) for arg in sys.argv[1:3])
    (work / 'film').mkdir(parents=True, exist_ok=True)
    rows = choose(imdb)
    (work / 'film/sentences.jsonl').write_text('\n'.join(map(json.dumps, rows)) + '\n')
    print(len(rows), 'sentences')
