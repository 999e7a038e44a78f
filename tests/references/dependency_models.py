"""Dependency models with valence, by their story: head by head, side by side, child after child."""

import numpy as np
from scipy.special import log_softmax, logsumexp

from tests.references.trees import dependency_trees

LEFT, RIGHT = 0, 1
STOP, GO = 0, 1
RESERVED = 3  # PAD, START and END, which no tree has.


def children(heads, head, side):
    """Words [1 .. n] below a head on one side, the nearest first."""
    below = [word for word, above in enumerate(heads, start=1) if above == head]
    if side == LEFT:
        return [word for word in reversed(below) if word < head]
    return [word for word in below if word > head]


def valence_parts(heads):
    """([(head, modifier, later)], [(word, side, some)]) of the heads of n words."""
    arcs, stops = [], []
    for head in range(len(heads) + 1):
        for side in (LEFT, RIGHT):
            below = children(heads, head, side)
            arcs += [(head, word, int(place > 0)) for place, word in enumerate(below)]
            if head > 0:
                stops.append((head, side, int(bool(below))))
    return arcs, stops


def rules(heads, tokens):
    """The rules that a tree over tokens uses, as indices: (root, attachments, decisions)."""
    root, attachments, decisions = [], [], []
    for head in range(len(heads) + 1):
        for side in (LEFT, RIGHT):
            below = children(heads, head, side)
            if head == 0:
                root += [tokens[word - 1] for word in below]
                continue
            token = tokens[head - 1]
            for place, word in enumerate(below):
                some = int(place > 0)
                decisions.append((token, side, some, GO))
                attachments.append((token, side, some, tokens[word - 1]))
            decisions.append((token, side, int(bool(below)), STOP))
    return root, attachments, decisions


class DependencyModel:
    """p(tokens, tree) of logits: [V]; [V, 2, 1 or 2, V]; [V, 2, 2, 2]."""

    def __init__(self, root, attachments, decisions):
        root, attachments, decisions = map(np.float64, (root, attachments, decisions))
        root, attachments = root.copy(), np.repeat(attachments, 2 // attachments.shape[2], axis=2)
        root[:RESERVED] = attachments[..., :RESERVED] = -np.inf
        self.root = log_softmax(root)
        self.attachments = log_softmax(attachments, axis=-1)
        self.decisions = log_softmax(decisions, axis=-1)

    def tree_scores(self, tokens):
        """[(heads, log p(tokens, heads))] of every projective tree."""
        words = len(tokens)
        trees = dependency_trees(words, words, projective=True, single_root=True)
        return [(tuple(heads), self.score(heads, tokens)) for heads, _ in trees]

    def score(self, heads, tokens):
        root, attachments, decisions = rules(heads, tokens)
        return (
            sum(self.root[rule] for rule in root)
            + sum(self.attachments[rule] for rule in attachments)
            + sum(self.decisions[rule] for rule in decisions)
        )

    def log_prob(self, tokens):
        return logsumexp([score for _, score in self.tree_scores(tokens)])

    def counts(self, texts, choose=None):
        """Expected uses of the rules, three arrays; of the best trees where `choose` is max."""
        counts = [np.zeros_like(part) for part in (self.root, self.attachments, self.decisions)]
        for tokens in texts:
            scores = self.tree_scores(tokens)
            if choose is not None:
                scores = [(choose(scores, key=lambda pair: pair[1])[0], 0.0)]
            total = logsumexp([score for _, score in scores])
            for heads, score in scores:
                for count, used in zip(counts, rules(heads, tokens), strict=True):
                    for rule in used:
                        count[rule] += np.exp(score - total)
        return counts


def words_of(row):
    """The words of a row of token ids: up to END, PAD or its end."""
    row = [int(token) for token in row]
    return row[: next((place for place, token in enumerate(row) if token in (0, 2)), len(row))]


def chances_of_sizes(model, most):
    """P(a text has 1 .. most words), by power series of the branching process of all tokens."""
    vocabulary = len(model.root)
    below = np.zeros((vocabulary, most + 1))  # Of a token's subtree, by size.
    for _ in range(most):
        sides = np.zeros((vocabulary, 2, most + 1))
        for token in range(RESERVED, vocabulary):
            for side in (LEFT, RIGHT):
                stop, go = (
                    np.exp(model.decisions[token, side, :, STOP]),
                    np.exp(model.decisions[token, side, :, GO]),
                )
                first, later = (
                    go[some] * np.exp(model.attachments[token, side, some]) @ below
                    for some in (0, 1)
                )
                sides[token, side, 0] = stop[0]
                series = first
                for _ in range(most):
                    sides[token, side] += stop[1] * series
                    series = np.convolve(series, later)[: most + 1]
            both = np.convolve(*sides[token])[:most]
            below[token] = np.concatenate([[0.0], both])
    return (np.exp(model.root) @ below)[1:]
