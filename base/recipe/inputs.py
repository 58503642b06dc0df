"""What several scripts read: the reviews, and the judging words of config.yaml."""
import gzip
import json
import pathlib

import yaml


def read_reviews(imdb, part):
    """The reviews of `train` or `unsup`, in the order of the file."""
    with gzip.open(imdb / f'{part}.jsonl.gz', 'rt') as lines:
        return [json.loads(line) for line in lines]


def judging_words():
    """The words whose probability at the decoder's first step the base learns, in the order of `row.words`."""
    config = yaml.safe_load((pathlib.Path(__file__).parent / 'config.yaml').read_text())
    return next(o['words'] for task in config['tasks'] for o in task['objectives'] if o['kind'] == 'distribution')
