"""Best paths, their spans and how probable these are, against enumeration of all sequences."""

import itertools

import numpy as np
import pytest

from tfp_dgm.tagging.chain_answers import answers_of_potentials

TYPES = ("PER", "creative-work")
LABELS = ("O", *(f"{part}-{name}" for name in TYPES for part in "BIES"))


def follows(before, after):
    """What BIOES lets stand behind what."""
    begun = before[0] in "BI"
    if begun:
        return after[0] in "IE" and after[2:] == before[2:]
    return after[0] in "OBS"


LEGAL = (
    np.array([label[0] in "OBS" for label in LABELS]),
    np.array([[follows(before, after) for after in LABELS] for before in LABELS]),
    np.array([label[0] in "OES" for label in LABELS]),
)


def spans_of(path):
    """Read from the letters alone: each E ends the span of the nearest B before it."""
    found = set()
    for place, label in enumerate(path):
        if label[0] in "ES":
            first = place
            while path[first][0] not in "BS":
                first -= 1
            found.add((first, place, label[2:]))
    return found


@pytest.fixture
def potentials():
    """Of two sentences [2, 4, K], and transitions [K, K]."""
    rng = np.random.default_rng(3)
    unary = rng.normal(size=(2, 4, len(LABELS))).astype(np.float32)
    return unary, rng.normal(size=(len(LABELS), len(LABELS))).astype(np.float32)


def enumerated(unary, transitions, steps):
    weights = {}
    for path in itertools.product(range(len(LABELS)), repeat=steps):
        if not (LEGAL[0][path[0]] and LEGAL[2][path[-1]]):
            continue
        if not all(LEGAL[1][pair] for pair in itertools.pairwise(path)):
            continue
        score = sum(unary[place, state] for place, state in enumerate(path))
        score += sum(transitions[pair] for pair in itertools.pairwise(path))
        weights[tuple(LABELS[state] for state in path)] = np.exp(score)
    total = sum(weights.values())
    return {path: weight / total for path, weight in weights.items()}


def test_answers_hold_the_spans_of_the_best_path(potentials):
    unary, transitions = potentials
    answers = answers_of_potentials([unary[0], unary[1, :3]], transitions, LEGAL, LABELS)
    for row, answer in enumerate(answers):
        paths = enumerated(unary[row], transitions, len(answer.mode))
        best = max(paths, key=paths.__getitem__)
        assert tuple(LABELS[state] for state in answer.mode) == best
        for place, marginals in enumerate(answer.marginals):
            for state, label in enumerate(LABELS):
                probability = sum(p for path, p in paths.items() if path[place] == label)
                assert marginals[state] == pytest.approx(probability, abs=1e-6)
        assert {span[:3] for span in answer.spans} == spans_of(best)
        for span in answer.spans:
            probability = sum(p for path, p in paths.items() if span[:3] in spans_of(path))
            assert span.probability == pytest.approx(probability, abs=2e-6)
