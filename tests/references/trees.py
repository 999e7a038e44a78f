"""All trees over a few words, one by one."""

import itertools

import numpy as np


def dependency_trees(words, size, *, projective, single_root):
    """[(heads [size], [(head, modifier), ...])] of `words` words; 0 beyond them."""
    trees = []
    for heads in itertools.product(range(words + 1), repeat=words):
        above = [_ancestors(heads, word) for word in range(1, words + 1)]
        if any(path is None for path in above):
            continue
        if single_root and heads.count(0) != 1:
            continue
        if projective and not all(
            head in above[between - 1]
            for word, head in enumerate(heads, start=1)
            for between in range(min(head, word) + 1, max(head, word))
        ):
            continue
        event = np.zeros(size, np.int32)
        event[:words] = heads
        trees.append((event, [(head, word) for word, head in enumerate(heads, start=1)]))
    return trees


def constituency_trees(words, size, labels):
    """[(labels of spans [size, size], [(first, last, label), ...])]; -1 where no span is."""
    trees = []
    for spans in _bracketings(0, words - 1):
        for labelled in itertools.product(range(labels), repeat=len(spans)):
            event = np.full((size, size), -1, np.int32)
            for span, label in zip(spans, labelled, strict=True):
                event[span] = label
            parts = [(*span, label) for span, label in zip(spans, labelled, strict=True)]
            trees.append((event, parts))
    return trees


def _ancestors(heads, word):
    """The nodes above a word up to the root, or None where they go round."""
    above = []
    while word != 0:
        word = heads[word - 1]
        if word in above:
            return None
        above.append(word)
    return above


def _bracketings(first, last):
    if first == last:
        return [[(first, last)]]
    return [
        [(first, last), *left, *right]
        for split in range(first, last)
        for left in _bracketings(first, split)
        for right in _bracketings(split + 1, last)
    ]
