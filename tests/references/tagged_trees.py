"""All dependency trees over a few words by all their taggings: their parts, and what they weigh."""

import itertools

import numpy as np
from scipy.special import log_softmax

from tests.references.dependency_models import valence_parts
from tests.references.hidden_markov import normal_densities
from tests.references.trees import dependency_trees


def tagged_trees(words, tags):
    """[(heads, tags, arcs, attachments, stops)]: indices as `TaggedDependencyTree` names them."""
    found = []
    for event, _ in dependency_trees(words, words, projective=True, single_root=True):
        heads = tuple(event)
        arcs, stops = valence_parts(heads)
        for tagging in itertools.product(range(tags), repeat=words):
            tag = (None, *tagging)
            found.append(
                (
                    heads,
                    tagging,
                    [(head, word, tag[word]) for head, word, _ in arcs],
                    [
                        (tag[head], int(word > head), later, tag[word])
                        for head, word, later in arcs
                        if head > 0
                    ],
                    [(tag[word], side, some) for word, side, some in stops],
                )
            )
    return found


def vector_scores(root, attachments, decisions, loc, covariance, vectors):
    """[(score, heads, tags, rules)] of a dependency model's tags and their Normals.

    rules: ([tag], [(tag, side, some, tag)], [(tag, side, some, decision)]), those that are used.
    """
    root, attachments, decisions = map(np.float64, (root, attachments, decisions))
    attachments = np.repeat(attachments, 2 // attachments.shape[2], axis=2)
    tables = [log_softmax(part, axis=-1) for part in (root, attachments, decisions)]
    densities = normal_densities(loc, covariance, vectors)
    found = []
    for heads, tags, _, attached, stops in tagged_trees(len(vectors), len(root)):
        rules = (
            [tags[heads.index(0)]],
            attached,
            [(*rule[:3], 1) for rule in attached] + [(*rule, 0) for rule in stops],
        )
        score = sum(densities[word, tag] for word, tag in enumerate(tags))
        for table, used in zip(tables, rules, strict=True):
            score += sum(table[rule] for rule in used)
        found.append((score, heads, tags, rules))
    return found
