"""Sentences in which the second half decides: what was hoped for, and what came. IMDB has few of them.

They are composed of a frame and two phrases, so their label is known.
"""
import random

GOOD = [
    'a masterpiece', 'a classic', 'a gem', 'a great comedy', 'a clever thriller', 'an exciting adventure',
    'the film of the year', 'brilliant acting', 'a lot of laughs', 'something special', 'a moving drama', 'a great story',
    'an epic', 'a treat', 'the best film of the summer', 'a work of genius', 'a beautiful love story',
    'a feast for the eyes', 'a smart script', 'real suspense', 'a wonderful evening', 'a hidden treasure',
]  # fmt: skip
BAD = [
    'a mess', 'a yawn', 'a headache', 'a bore', 'two dull hours', 'a cheap copy', 'one cliche after another', 'nonsense',
    'a long sermon', 'a plot full of holes', 'wooden acting', 'a snooze', 'an insult', 'a waste of time', 'a lame joke',
    'garbage', 'a boring lecture', 'a stupid film', 'an empty shell', 'bad jokes', 'a disaster', 'a chore',
    'a sleeping pill', 'noise',
]  # fmt: skip
PLAIN = [
    'a comedy', 'a thriller', 'a horror film', 'a drama', 'a western', 'action', 'a sequel', 'a musical', 'a love story',
    'a war film',
]  # fmt: skip
TURNS = [
    'I expected {} and got {}.', 'I expected {} but got {}.', 'I was expecting {}, and it was {}.',
    'I hoped for {} and found {}.', 'We came for {} and left with {}.', 'They promised {}. It is {}.',
    'It was supposed to be {}, but it is {}.', 'I thought it would be {}; it turned out to be {}.',
    'The trailer promised {}, the film is {}.', 'Instead of {} we get {}.', 'You hope for {}, you get {}.',
    'Sold as {}, it is really {}.',
]  # fmt: skip
HOPES = [
    'I expected {}.', 'I hoped for {}.', 'I was expecting {}.', 'It was supposed to be {}.', 'It could have been {}.',
    'They promised {}.', 'I really wanted it to be {}.',
]  # fmt: skip
FEARS = [
    'I expected {}, but no.', 'I feared it would be {}, and was wrong.', 'I thought it would be {}. It is not.',
]  # fmt: skip


def composed(count, seed=0):
    """Returns `count` sentences with a turn, and every hope and fear: rows of text and label."""
    rng = random.Random(seed)
    rows = {(frame.format(phrase), 'negative') for frame in HOPES for phrase in GOOD}
    rows |= {(frame.format(phrase), 'positive') for frame in FEARS for phrase in BAD}
    count += len(rows)
    while len(rows) < count:
        ends_well = rng.random() < 0.35
        before = rng.choice([PLAIN, BAD if ends_well else GOOD, BAD if ends_well else GOOD])
        after = GOOD if ends_well else BAD
        text = rng.choice(TURNS).format(rng.choice(before), rng.choice(after))
        rows.add((text, 'positive' if ends_well else 'negative'))
    return [{'text': text, 'label': label} for text, label in sorted(rows)]
