"""Scores of induced tags: against every assignment in turn, and entropies by their definition."""

import itertools

import numpy as np
import pytest

from tfp_dgm.evaluation import (
    clustering_scores,
    many_to_one_accuracy,
    one_to_one_accuracy,
    tag_induction_scores,
    v_measure,
)


def tags(seed, gold, induced, size=60):
    random = np.random.default_rng(seed)
    truth = random.integers(gold, size=size)
    noise = random.integers(induced, size=size)
    found = np.where(random.random(size) < 0.6, (3 * truth + 1) % induced, noise)
    return [f"g{tag}" for tag in truth], found.tolist()


def shares_of_maps(gold, induced, one_to_one):
    """The share that is right under each map from induced tags to gold ones (or to none)."""
    kinds, names = sorted(set(induced)), [*sorted(set(gold)), *([None] * 4)]
    if one_to_one:
        choices = itertools.permutations(names, len(kinds))
    else:
        choices = itertools.product(sorted(set(gold)), repeat=len(kinds))
    for choice in choices:
        meant = dict(zip(kinds, choice, strict=True))
        yield np.mean([meant[found] == tag for tag, found in zip(gold, induced, strict=True)])


@pytest.mark.parametrize(("gold", "induced"), [(3, 3), (2, 4), (4, 3)])
def test_accuracies_are_those_of_the_best_map(gold, induced):
    truth, found = tags(gold, gold, induced)
    best = max(shares_of_maps(truth, found, one_to_one=False))
    assert many_to_one_accuracy(truth, found) == pytest.approx(best)
    best = max(shares_of_maps(truth, found, one_to_one=True))
    assert one_to_one_accuracy(truth, found) == pytest.approx(best)
    assert 0.3 < best < 1


def entropy(values):
    _, counts = np.unique(values, return_counts=True)
    shares = counts / counts.sum()
    return -(shares * np.log(shares)).sum()


def test_v_measure_by_entropies():
    truth, found = tags(1, 3, 4)
    pairs = [f"{a} {b}" for a, b in zip(truth, found, strict=True)]
    homogeneity = 1 - (entropy(pairs) - entropy(found)) / entropy(truth)
    completeness = 1 - (entropy(pairs) - entropy(truth)) / entropy(found)
    expected = 2 * homogeneity * completeness / (homogeneity + completeness)
    assert v_measure(truth, found) == pytest.approx(expected)
    assert 0.1 < expected < 0.9
    assert list(tag_induction_scores(truth, found)) == ["many_to_one", "one_to_one", "v_measure"]


@pytest.mark.parametrize(("gold", "induced"), [([], []), (["a"], [0, 1])])
@pytest.mark.parametrize("score", [many_to_one_accuracy, one_to_one_accuracy, v_measure])
def test_uneven_tags_are_refused(score, gold, induced):
    with pytest.raises(ValueError, match="gold: expected as many tags"):
        score(gold, induced)


def test_clusters_by_their_definitions():
    truth, found = tags(2, 3, 4)
    scores = clustering_scores(truth, found)
    pairs = [f"{a} {b}" for a, b in zip(truth, found, strict=True)]
    information = entropy(truth) + entropy(found) - entropy(pairs)
    mean = (entropy(truth) + entropy(found)) / 2
    assert scores["normalized_mutual_information"] == pytest.approx(information / mean)
    # Rand's index, less what is expected where the sizes of both are kept.
    both = list(itertools.combinations(range(len(truth)), 2))
    in_gold = np.array([truth[a] == truth[b] for a, b in both])
    in_found = np.array([found[a] == found[b] for a, b in both])
    expected = in_gold.mean() * in_found.mean()
    most = (in_gold.mean() + in_found.mean()) / 2
    index = ((in_gold & in_found).mean() - expected) / (most - expected)
    assert scores["adjusted_rand_index"] == pytest.approx(index)
    best = max(shares_of_maps(truth, found, one_to_one=True))
    assert scores["accuracy"] == pytest.approx(best)
    assert 0.05 < index < best < 1
