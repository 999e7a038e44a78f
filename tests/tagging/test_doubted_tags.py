"""What is given and not believed: spans that are wrong, choices that leave the right tag out."""

import itertools

import numpy as np
import pytest

from tests.tagging.made_sentences import names
from tfp_dgm.data import TagScheme
from tfp_dgm.tagging import tag_sentences
from tfp_dgm.tagging.cross_fitting import UnseenChains
from tfp_dgm.tagging.given_spans import with_unseen_spans
from tfp_dgm.tagging.scheme_space import space_of_scheme
from tfp_dgm.tagging.sentence_readings import SentenceReading, SpanReading

SCHEME = TagScheme("BIO", ("LOC", "PER"))
WRONG = ["Anna", "went", "to", "Oslo", "."]
CHOSEN = ["Cora", "Dane", "went", "to", "Bern", "."]


@pytest.fixture(scope="module")
def outcome():
    """Eighty sentences with their tags; one with a wrong span, one with choices; others open."""
    made = names(80, seed=2)
    tokens = [words for words, _ in made] + [WRONG, CHOSEN, CHOSEN]
    given = [[(tag,) for tag in tags] for _, tags in made]
    given.append([("B-LOC",), ("O",), ("O",), ("B-LOC",), ("O",)])
    given.append([(), (), ("B-PER", "B-LOC"), (), ("B-PER", "B-LOC"), ()])
    tokens += [words for words, _ in names(60, seed=5)]
    given += [[()] * len(words) for words in tokens[82:]]
    return tag_sentences(tokens, given, SCHEME, min_precision=0.7)[1]


@pytest.mark.slow
def test_a_given_span_is_judged_by_models_that_did_not_see_it(outcome):
    wrong, right = outcome.spans[80]
    assert (wrong.first, wrong.last, wrong.name, wrong.accept) == (0, 0, "LOC", None)
    assert wrong.probability < 0.2
    assert wrong.runner_up == "PER"
    assert wrong.runner_up_probability > 0.6
    assert right.name == "LOC"
    assert right.probability > 0.8
    given = [span.probability for found in outcome.spans[:80] for span in found]
    assert len({round(probability, 4) for probability in given}) > 10
    assert np.mean(given) < 0.99


@pytest.mark.slow
def test_a_choice_that_is_not_believed_is_never_accepted(outcome):
    went, bern = (outcome.starts[81] + place for place in (2, 4))
    assert {span.name for span in outcome.spans[81] if span.first == 4} == {"LOC"}
    # The same word is accepted where nothing is given, and where the choice holds its tag.
    assert outcome.accept[outcome.starts[82] + 2]
    assert outcome.accept[bern]
    assert outcome.scheme.written([outcome.space.labels[outcome.labels[81][2]]])[0] != "O"
    assert not outcome.accept[went]
    assert not any(span.accept for span in outcome.spans[81] if span.first <= 2 <= span.last)


def _probability(unary, moves, legal, path_holds):
    """By all legal sequences of labels."""
    total = wanted = 0.0
    for path in itertools.product(range(unary.shape[1]), repeat=len(unary)):
        steps = list(itertools.pairwise(path))
        if not (legal[0][path[0]] and legal[2][path[-1]] and all(legal[1][s] for s in steps)):
            continue
        score = sum(unary[t, z] for t, z in enumerate(path)) + sum(moves[s] for s in steps)
        total += np.exp(score)
        wanted += np.exp(score) * path_holds(path)
    return wanted / total


def test_the_probability_of_a_given_span_is_that_of_enumeration():
    scheme = TagScheme("BIO", ("A", "B"))
    space, random = space_of_scheme(scheme), np.random.default_rng(0)
    legal = (scheme.initial, scheme.transitions, scheme.final)
    size = len(space.labels)
    unary, moves = random.normal(size=(4, size)), random.normal(size=(size, size))
    labels = [space.labels.index(name) for name in ("S-B", "B-A", "E-A", "S-A")]
    known = SentenceReading(
        np.zeros((4, len(space.tags)), np.float32),
        np.array(labels, np.int32),
        tuple(SpanReading(*extent, 1.0, *extent[:2], 2, 0.0) for extent in
              [(0, 0, 1), (1, 2, 0), (3, 3, 0)]),
    )  # fmt: skip
    given = [[()], [("B-B",), ("B-A",), ("I-A",), ()]]
    chains = [UnseenChains(np.array([0]), [unary], np.where(scheme.transitions, moves, -np.inf))]
    other = SentenceReading(np.zeros((1, len(space.tags)), np.float32), np.zeros(1, np.int32))
    found = with_unseen_spans([other, known], given, np.array([1]), chains, legal, space)
    assert found[0] is other
    one, two, unknown = found[1].spans
    assert unknown == known.spans[2]  # Its word has no tag.
    for span, holds in (
        (one, lambda path: path[0] == labels[0]),
        (two, lambda path: list(path[1:3]) == labels[1:3]),
    ):
        expected = _probability(unary, moves, legal, holds)
        assert span.probability == pytest.approx(expected, rel=1e-4)
    kind = one.other
    if kind == 2:  # None.
        expected = _probability(unary, moves, legal, lambda path: path[0] == 0)
    else:
        ends = [space.labels.index(name) for name in (f"S-{'AB'[kind]}",)]
        assert (one.other_first, one.other_last) == (0, 0)
        expected = _probability(unary, moves, legal, lambda path: path[0] in ends)
    assert one.other_probability == pytest.approx(expected, rel=1e-4)
