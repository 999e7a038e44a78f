"""Grammars in NumPy: all trees over a few words, CKY, and inside-outside of the textbook.

Symbols 0 .. A - 1 are nonterminals, A .. A + P - 1 preterminals.
"""

import itertools
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax, logsumexp

PAD, START, END = 0, 1, 2


class Parse(NamedTuple):
    """A tree: {(first, last): symbol}, and its rules [(symbol, left symbol, right symbol), ...]."""

    symbols: dict
    rules: list


def parses(words, count, preterminals):
    """Every tree of a grammar with A = count nonterminals over so many words."""
    found = []
    for spans in _bracketings(0, words - 1):
        kinds = [
            range(count) if first < last else range(count, count + preterminals)
            for first, last in spans
        ]
        for symbols in itertools.product(*kinds):
            named = dict(zip(spans, symbols, strict=True))
            rules = [
                (named[first, last], named[first, middle], named[middle + 1, last])
                for first, last in spans
                for middle in range(first, last)
                if (first, middle) in named and (middle + 1, last) in named
            ]
            found.append(Parse(named, rules))
    return found if words > 1 else []


def log_probabilities(root_logits, rule_logits, emission_logits):
    """Of the root [A], the rules [A, S, S] and the words [P, V], which are none of three ids."""
    rules = np.asarray(rule_logits, np.float64)
    emissions = np.array(emission_logits, np.float64)
    emissions[:, [PAD, START, END]] = -np.inf
    pairs = log_softmax(rules.reshape(len(rules), -1), axis=1)
    root = log_softmax(np.asarray(root_logits, np.float64))
    return root, pairs.reshape(rules.shape), log_softmax(emissions, axis=1)


def log_joint(grammar, parse, words):
    """log p(words, tree) of log-probabilities."""
    root, rules, emissions = grammar
    return (
        root[parse.symbols[0, len(words) - 1]]
        + sum(rules[rule] for rule in parse.rules)
        + sum(emissions[parse.symbols[i, i] - len(root), word] for i, word in enumerate(words))
    )


def words_of(row):
    """The words of a row of token ids, or None where it is no closed text of two words or more."""
    row = list(row)
    if END not in row:
        return None
    words, rest = row[: row.index(END)], row[row.index(END) + 1 :]
    if len(words) < 2 or PAD in words or START in words or any(rest):
        return None
    return words


def log_prob(grammar, row):
    """log p(row), by every tree."""
    words = words_of(row)
    if words is None:
        return -np.inf
    trees = parses(len(words), len(grammar[0]), len(grammar[2]))
    return logsumexp([log_joint(grammar, tree, words) for tree in trees])


def inside(root, rules, words):
    """Inside log-values [n, n, S] and log Z, of word potentials [n, P]; span by span."""
    count, length = len(root), len(words)
    chart = np.full((length, length, rules.shape[1]), -np.inf)
    for i in range(length):
        chart[i, i, count:] = words[i]
    for width in range(1, length):
        for i in range(length - width):
            j = i + width
            halves = [chart[i, k][:, np.newaxis] + chart[k + 1, j][np.newaxis] for k in range(i, j)]
            both = logsumexp(halves, axis=0)  # [S, S]
            chart[i, j, :count] = logsumexp(rules + both, axis=(1, 2))
    return chart, logsumexp(root + chart[0, -1, :count])


def inside_outside(root, rules, words):
    """log Z and expected counts of root, rules and words (Lari and Young 1990, eqs. 8-13)."""
    chart, log_sum = inside(root, rules, words)
    count, length = len(root), len(words)
    outside = np.full_like(chart, -np.inf)
    outside[0, -1, :count] = root
    used = np.zeros_like(rules)
    for width in range(length - 1, 0, -1):
        for i in range(length - width):
            j = i + width
            for k in range(i, j):
                left, right = chart[i, k], chart[k + 1, j]
                above = outside[i, j, :count, np.newaxis, np.newaxis] + rules
                used += np.exp(above + left[:, np.newaxis] + right - log_sum)
                to_left = logsumexp(above + right, axis=(0, 2))
                to_right = logsumexp(above + left[:, np.newaxis], axis=(0, 1))
                outside[i, k] = np.logaddexp(outside[i, k], to_left)
                outside[k + 1, j] = np.logaddexp(outside[k + 1, j], to_right)
    shares = np.exp(chart + outside - log_sum)
    tags = np.array([shares[i, i, count:] for i in range(length)])
    return log_sum, shares[0, -1, :count], used, tags


def _bracketings(first, last):
    if first == last:
        return [[(first, last)]]
    return [
        [(first, last), *left, *right]
        for split in range(first, last)
        for left in _bracketings(first, split)
        for right in _bracketings(split + 1, last)
    ]
