"""All trees over a few words, one by one; sums and best trees by loops."""

import itertools

import numpy as np
from scipy.special import logsumexp


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


def projective_log_sum(arcs):
    """log of the sum over projective trees of arcs [N, N], any number of roots, by spans."""
    nodes = len(arcs)
    right, left = np.full((2, nodes, nodes), -np.inf)  # Complete, headed by the first, the last.
    np.fill_diagonal(right, 0.0)
    np.fill_diagonal(left, 0.0)
    to_right, to_left = np.full((2, nodes, nodes), -np.inf)
    for width in range(1, nodes):
        for i in range(nodes - width):
            j = i + width
            joined = logsumexp([right[i, k] + left[k + 1, j] for k in range(i, j)])
            to_right[i, j], to_left[i, j] = joined + arcs[i, j], joined + arcs[j, i]
            right[i, j] = logsumexp([to_right[i, k] + right[k, j] for k in range(i + 1, j + 1)])
            left[i, j] = logsumexp([left[i, k] + to_left[k, j] for k in range(i, j)])
    return right[0, -1]


def bracketing_log_sum(spans):
    """log of the sum over binary trees of spans [T, T, K]."""
    words = len(spans)
    spans = logsumexp(spans, axis=-1)
    inside = np.full((words, words), -np.inf)
    for width in range(words):
        for i in range(words - width):
            j = i + width
            halves = [inside[i, k] + inside[k + 1, j] for k in range(i, j)]
            inside[i, j] = spans[i, j] + (logsumexp(halves) if halves else 0.0)
    return inside[0, -1]


def best_heads(arcs):
    """{word: head} of the best tree below node 0, of arcs {(head, modifier): score}; recursive."""
    best = {}
    for (head, word), score in arcs.items():
        if word != 0 and (word not in best or score > arcs[best[word], word]):
            best[word] = head
    cycle = _cycle(best)
    if cycle is None:
        return best
    merged = min(cycle)
    contracted, origins = {}, {}
    for (head, word), score in arcs.items():
        if head in cycle and word in cycle:
            continue
        if word in cycle:
            score -= arcs[best[word], word]
        pair = merged if head in cycle else head, merged if word in cycle else word
        if pair not in contracted or score > contracted[pair]:
            contracted[pair], origins[pair] = score, (head, word)
    heads = {word: best[word] for word in cycle}
    for word, head in best_heads(contracted).items():
        source, target = origins[head, word]
        heads[target] = source
    return heads


def _cycle(heads):
    for word in heads:
        path = [word]
        while path[-1] in heads and heads[path[-1]] not in path:
            path.append(heads[path[-1]])
        if path[-1] in heads:
            return path[path.index(heads[path[-1]]) :]
    return None


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
