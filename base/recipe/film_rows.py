"""film_rows.py IMDB_DIR WORK_DIR: the rows of `film`'s second stage, WORK_DIR/film/rows.jsonl.

WORK_DIR/film/judged.jsonl holds the sentences of film_sentences.py with the judgement of the first stage
(`graft predict --out`). Three judges give each sentence log-odds of being positive: logistic regression on the teacher's
embeddings, fitted to the labels of the reviews; the teacher's similarity to judging words, without labels; and the first
stage. Sentences that they judge clearly get that label. Labeled reviews and composed sentences (film_frames.py) join them.
"""
import json
import multiprocessing
import pathlib
import random
import sys

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

import teacher
from film_frames import composed
from inputs import judging_odds, judging_words, read_reviews

PART = 500
TEMPERATURE = 0.01
WORDS_WEIGHT, FIRST_STAGE_WEIGHT = 0.3, 0.35
MIN_LOG_ODDS = 1.0
REVIEWS, COMPOSED = 2500, 3200


def start_process():
    global tokenizer, model
    torch.set_num_threads(1)
    tokenizer, model = teacher.load()


def embed(texts):
    return teacher.embed(tokenizer, model, texts)


def embed_all(pool, texts):
    parts = [texts[at : at + PART] for at in range(0, len(texts), PART)]
    done = []
    for vectors in pool.imap(embed, parts):
        done.append(vectors)
        print(f'{len(done)} of {len(parts)} parts', flush=True)
    return np.concatenate(done)


def judge_by_words(vectors, words):
    """The log-odds of the positive judging words against the negative ones."""
    return judging_odds(vectors @ (words - words.mean(0)).T / TEMPERATURE)


def judge_by_labels(vectors, labels):
    known = np.array([label is not None for label in labels])
    positive = np.array([label == 'positive' for label in labels])
    return LogisticRegression(C=1, max_iter=3000).fit(vectors[known], positive[known]).decision_function(vectors)


def first_stage_odds(row):
    scores = row['predicted_scores']
    return np.log(scores['positive'] / scores['negative'])


if __name__ == '__main__':
    imdb, work = (pathlib.Path(arg) for arg in sys.argv[1:3])
    read = lambda path: [json.loads(line) for line in path.read_text().splitlines()]
    sentences = read(work / 'film/judged.jsonl')
    # A process for each core: half of the work is Python's.
    with multiprocessing.get_context('spawn').Pool(initializer=start_process) as pool:
        vectors = embed_all(pool, [s['text'] for s in sentences])
        words = embed_all(pool, ['it was ' + word for word in judging_words()])
    vectors -= vectors.mean(0)
    odds = judge_by_labels(vectors, [s['label'] for s in sentences])
    odds += WORDS_WEIGHT * judge_by_words(vectors, words)
    odds += FIRST_STAGE_WEIGHT * np.array([first_stage_odds(s) for s in sentences])

    rng = random.Random(0)
    reviews = [{'text': r['text'], 'label': r['label']} for r in read_reviews(imdb, 'train')]
    rows = rng.sample(reviews, REVIEWS) + composed(COMPOSED)
    rows += [
        {'text': s['text'], 'label': 'positive' if value > 0 else 'negative'}
        for s, value in zip(sentences, odds)
        if abs(value) >= MIN_LOG_ODDS
    ]
    rng.shuffle(rows)
    (work / 'film/rows.jsonl').write_text('\n'.join(map(json.dumps, rows)) + '\n')
    print(len(rows), 'rows')
