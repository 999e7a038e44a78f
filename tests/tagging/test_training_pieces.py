"""Where very long sentences are cut, and that training on one does not take minutes."""

import itertools
import time

import numpy as np
import pytest

from tests.tagging.made_sentences import names
from tfp_dgm.data import TagScheme
from tfp_dgm.tagging import fit_tagger
from tfp_dgm.tagging.scheme_space import space_of_scheme
from tfp_dgm.tagging.training_pieces import piece_lengths

SCHEME = TagScheme("BIO", ("A",))
LEGAL = (SCHEME.initial, SCHEME.transitions, SCHEME.final)


def _lengths(*tags):
    return piece_lengths([SCHEME.allowed(of_one) for of_one in tags], LEGAL).tolist()


def test_sentences_of_usual_length_stay_whole():
    assert _lengths([("O",)] * 500, [()], [("B-A",), ("I-A",)] * 20) == [500, 1, 40]


def test_a_long_one_is_cut_where_no_span_goes_on():
    random = np.random.default_rng(0)
    tags = []
    while len(tags) < 3000:
        tags += [("O",)] * random.integers(5) + [("B-A",)] + [("I-A",)] * random.integers(40)
    lengths = _lengths(tags)
    assert sum(lengths) == len(tags)
    assert max(lengths) <= 500
    assert min(lengths[:-1]) >= 250
    assert {tags[cut] for cut in np.cumsum(lengths)[:-1]} <= {("O",), ("B-A",)}


def test_a_known_place_is_better_than_an_open_one_and_none_is_cut_within_a_span():
    tags = [()] * 300 + [("O",), ("O",)] + [()] * 400
    assert _lengths(tags) == [302, 400]  # What follows O is not inside.
    assert _lengths([()] * 1200) == [500, 500, 200]
    assert _lengths([("B-A",)] + [("I-A",)] * 700) == [701]
    assert _lengths([("B-A",)] + [("I-A",)] * 700 + [("O",)] * 300) == [701, 300]


def test_what_neighbours_leave_open_decides():
    """An annotation from Python may leave labels open that no legal sequence has."""
    size = len(SCHEME.labels)
    inside = SCHEME.labels.index("I-A")
    allowed = np.ones((800, size), bool)
    allowed[200:600:2] = np.arange(size) == inside  # All between two of these are inside, too.
    lengths = piece_lengths([allowed], LEGAL)
    for cut in np.cumsum(lengths)[:-1]:
        assert not 199 < cut < 600


@pytest.mark.slow
def test_training_on_one_sentence_of_many_thousand_words_is_quick():
    made = names(2200, seed=3)
    long = [list(itertools.chain.from_iterable(part)) for part in zip(*made[60:], strict=True)]
    assert len(long[0]) > 10_000
    tokens = [words for words, _ in made[:60]] + [long[0]]
    tags = [[(tag,) for tag in of_one] for of_one in [*(t for _, t in made[:60]), long[1]]]
    scheme = TagScheme("BIO", ("LOC", "PER"))
    legal = (scheme.initial, scheme.transitions, scheme.final)
    allowed = [scheme.allowed(of_one) for of_one in tags]
    begun = time.process_time()
    fit = fit_tagger(tokens, allowed, space_of_scheme(scheme).labels, legal)
    assert time.process_time() - begun < 60
    answer = fit.cross_fitted[60]  # Whole, and exact.
    assert len(answer.mode) == len(long[0])
    np.testing.assert_allclose(answer.marginals.sum(axis=1), 1, atol=1e-4)
    right = np.take_along_axis(allowed[60], answer.mode[:, np.newaxis], axis=1)
    assert right.mean() > 0.85
    assert scheme.final[answer.mode[-1]]
    assert answer.marginals[0][~scheme.initial].max() == pytest.approx(0)
