"""What several scripts read: the reviews and their sentences, and the judging words of config.yaml."""
import gzip
import json
import pathlib
import re

import numpy as np
import yaml


# Words that may turn a judgement round.
TURN = re.compile(
    r"\b(not|never|no|nothing|none|nobody|neither|nor|without|hardly|barely|cannot|but|though|although|however|yet|despite"
    r"|instead|except|expect(ed|ing)?|hop(ed|ing)|wish|supposed|could have|should have|would have|too|far from|fails?"
    r"|failed|lacks?|lacking|anything|less|least|if only)\b|n't\b",
    re.IGNORECASE,
)
MAX_TURN_CHARACTERS = 110


def read_reviews(imdb, part):
    """The reviews of `train` or `unsup`, in the order of the file."""
    with gzip.open(imdb / f'{part}.jsonl.gz', 'rt') as lines:
        return [json.loads(line) for line in lines]


def sentences(text):
    text = re.sub(r'\s+', ' ', re.sub(r'<[^>]+>', ' ', text)).strip()
    return [s for s in re.split(r'(?<=[.!?])["\')\]]*\s+', text) if len(s) > 2]


def judging_words():
    """The words whose probability at the decoder's first step the base learns, in the order of `row.words`."""
    config = yaml.safe_load((pathlib.Path(__file__).parent / 'config.yaml').read_text())
    return next(o['words'] for task in config['tasks'] for o in task['objectives'] if o['kind'] == 'distribution')


def judging_odds(scores):
    """The log-odds [N] of the positive judging words against the negative ones, from the scores [N, words] of all."""
    positive, negative = scores[:, :24], scores[:, 24:48]
    return np.logaddexp.reduce(positive, axis=1) - np.logaddexp.reduce(negative, axis=1)
